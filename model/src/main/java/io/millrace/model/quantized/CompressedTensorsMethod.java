package io.millrace.model.quantized;

import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.quantized.format.MicroscaledFormat;
import io.millrace.model.quantized.format.PackedRowsFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * compressed-tensors, as llm-compressor writes it: packed integers, bytes with scales, and MXFP4.
 * What it says of activations and of caches is how a server computes, and passed over.
 */
final class CompressedTensorsMethod implements QuantMethod {
    private static final String IGNORED = "ignore";
    private static final String PACKED = "weight_packed";
    private static final String SCALE = "weight_scale";
    private static final String PACK = "pack-quantized";
    private static final String MICROSCALED = "mxfp4-pack-quantized";
    private static final List<String> BYTES =
            List.of("int-quantized", "float-quantized", "naive-quantized");

    private static final Set<String> KNOWN =
            Set.of(
                    "quant_method",
                    "format",
                    "config_groups",
                    IGNORED,
                    "quantization_status",
                    "sparsity_config",
                    "transform_config",
                    // How the model was made, or how others compute with it.
                    "kv_cache_scheme",
                    "global_compression_ratio",
                    "version",
                    "run_compressed");

    private static final Set<String> KNOWN_OF_WEIGHTS =
            Set.of(
                    "num_bits",
                    "type",
                    "symmetric",
                    "strategy",
                    "group_size",
                    "block_structure",
                    "actorder",
                    // How the model was made.
                    "dynamic",
                    "observer",
                    "observer_kwargs",
                    "scale_dtype",
                    "zp_dtype");

    @Override
    public String name() {
        return "compressed-tensors";
    }

    @Override
    public List<QuantLayout> layouts() {
        return List.of(
                new QuantLayout(
                        "`pack-quantized`: 4 and 8 bits in groups or an output, with zero points or"
                                + " without, inputs in any order",
                        "`weight_packed`, `weight_scale`, `weight_zero_point`, `weight_g_idx`,"
                                + " `weight_shape`",
                        "other widths; one scale for a tensor"),
                new QuantLayout(
                        "`int-quantized`, `float-quantized`, `naive-quantized`: int8 and E4M3, a"
                                + " scale for a tensor, an output, a group or a rectangle",
                        "`weight`, `weight_scale`, `weight_zero_point`",
                        ""),
                new QuantLayout(
                        "`mxfp4-pack-quantized`",
                        "`weight_packed`, `weight_scale`",
                        "`nvfp4-pack-quantized`"));
    }

    @Override
    public void assemble(QuantFields fields, StoredParts stored) {
        fields.requireKnown(KNOWN);
        fields.require(
                "quantization_status",
                fields.text("quantization_status", "compressed"),
                List.of("compressed"));
        refuse(fields, "sparsity_config");
        refuse(fields, "transform_config");
        Set<String> modules = new TreeSet<>(stored.modules(PACKED));
        modules.addAll(stored.modules(SCALE));
        for (String module : modules) {
            QuantFields group = group(fields, module);
            stored.put(
                    module,
                    format(group, group.text("format", fields.text("format", "")), stored, module));
        }
        stored.requirePlain(
                IGNORED,
                fields.texts(IGNORED).stream().filter(name -> !name.startsWith("re:")).toList());
    }

    private static void refuse(QuantFields fields, String section) {
        QuantFields found = fields.section(section);
        if (!found.json().fields().isEmpty() && !found.text("format", "").equals("dense")) {
            throw fields.bad(
                    section,
                    "says that weights are changed before they are stored, which is not read",
                    "use a model without it");
        }
    }

    /** What holds for a module: the most particular of the groups that name it. */
    private static QuantFields group(QuantFields fields, String module) {
        QuantFields groups = fields.section("config_groups");
        Optional<QuantFields> found = Optional.empty();
        int best = -1;
        for (String name : groups.json().fields().keySet()) {
            QuantFields group = groups.section(name);
            for (String target : group.texts("targets")) {
                int rank = rank(target, module);
                if (rank > best) {
                    best = rank;
                    found = Optional.of(group);
                }
            }
        }
        return found.orElseThrow(() ->
                fields.bad(
                        "config_groups",
                        "has nothing of '" + module + "', which is packed",
                        "use the weights and the config.json of one publication"));
    }

    private static int rank(String target, String module) {
        if (target.startsWith("re:")) {
            return Pattern.compile(target.substring(3)).matcher(module).lookingAt() ? 1 : -1;
        }
        if (target.equals(module) || module.endsWith("." + target)) {
            return 2;
        }
        // A class of modules; all that is packed is of one.
        return target.equals("Linear") ? 0 : -1;
    }

    private static PackedFormat format(
            QuantFields group, String format, StoredParts stored, String module) {
        QuantFields weights = group.section("weights");
        weights.requireKnown(KNOWN_OF_WEIGHTS);
        if (format.equals(PACK)) {
            return packed(weights, stored, module);
        }
        if (format.equals(MICROSCALED)) {
            TensorInfo codes = stored.part(module, PACKED);
            int rows = stored.extent(codes, 2, 0);
            int columns = 2 * stored.extent(codes, 2, 1);
            if (columns % MicroscaledFormat.GROUP != 0) {
                throw stored.bad(codes, "has rows of " + columns + " elements, not groups of 32");
            }
            return new MicroscaledFormat(rows, columns, PACKED, SCALE, false);
        }
        if (!BYTES.contains(format)) {
            throw group.bad(
                    "format",
                    "is '" + format + "', which is not read",
                    "use a model of one of " + PACK + ", " + MICROSCALED + ", " + BYTES);
        }
        TensorInfo codes = stored.part(module, "weight");
        stored.dtype(codes, DType.I8, DType.F8_E4M3);
        int rows = stored.extent(codes, 2, 0);
        int columns = stored.extent(codes, 2, 1);
        return ScaledBytes.format(
                stored,
                codes,
                stored.part(module, SCALE),
                extents(weights, rows, columns),
                stored.find(module, "weight_zero_point").isPresent());
    }

    private static ScaledBytes.Extents extents(QuantFields weights, int rows, int columns) {
        String strategy = weights.text("strategy", "tensor").toLowerCase(Locale.ROOT);
        return switch (strategy) {
            case "tensor" -> new ScaledBytes.Extents(rows, columns);
            case "channel" -> new ScaledBytes.Extents(1, columns);
            case "group" -> new ScaledBytes.Extents(1, groupSize(weights, columns));
            case "block" -> {
                List<Integer> block = weights.integers("block_structure");
                if (block.size() != 2 || block.get(0) < 1 || block.get(1) < 1) {
                    throw weights.bad("block_structure", "is " + block, "use one of two sizes");
                }
                yield new ScaledBytes.Extents(block.get(0), block.get(1));
            }
            default ->
                    throw weights.bad(
                            "strategy",
                            "is '" + strategy + "', which is not read",
                            "use a model of tensor, channel, group or block");
        };
    }

    private static int groupSize(QuantFields weights, int columns) {
        int size = weights.integer("group_size", -1);
        int own = size == -1 ? columns : size;
        if (own < 1 || columns % own != 0) {
            throw weights.bad(
                    "group_size",
                    "is " + size + ", which does not divide " + columns + " inputs",
                    "use the weights and the config.json of one publication");
        }
        return own;
    }

    private static PackedRowsFormat packed(QuantFields weights, StoredParts stored, String module) {
        int bits = weights.require("num_bits", weights.integer("num_bits", 4), List.of(4, 8));
        weights.require("type", weights.text("type", "int"), List.of("int"));
        String strategy = weights.text("strategy", "group").toLowerCase(Locale.ROOT);
        weights.require("strategy", strategy, List.of("group", "channel"));
        TensorInfo shapeTensor = stored.part(module, "weight_shape");
        long[] shape = stored.integers(shapeTensor);
        if (shape.length != 2
                || shape[0] < 1
                || shape[1] < 1
                || shape[0] >> 26 > 0
                || shape[1] >> 26 > 0) {
            throw stored.bad(shapeTensor, "does not have two sensible extents");
        }
        int columns = (int) shape[1];
        Optional<TensorInfo> order = stored.find(module, "weight_g_idx");
        return new PackedRowsFormat(
                (int) shape[0],
                columns,
                bits,
                strategy.equals("channel") ? columns : groupSize(weights, columns),
                !weights.bool("symmetric", true),
                order.isPresent(),
                stored.dtype(stored.part(module, SCALE), DType.F16, DType.BF16, DType.F32),
                shapeTensor.dtype());
    }
}
