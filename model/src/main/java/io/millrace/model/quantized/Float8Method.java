package io.millrace.model.quantized;

import io.millrace.memory.DType;
import io.millrace.model.file.TensorInfo;
import java.util.List;
import java.util.Set;

/** Weights of E4M3 with float32 scales: DeepSeek's in squares, FBGEMM's one an output. */
final class Float8Method implements QuantMethod {
    private static final String SKIPPED = "modules_to_not_convert";

    private static final Set<String> KNOWN =
            Set.of(
                    "quant_method",
                    "fmt",
                    "weight_block_size",
                    SKIPPED,
                    // How others quantise what the products take.
                    "activation_scheme",
                    "activation_scale_ub",
                    "scale_fmt",
                    "dequantize");

    private final String name;
    private final String scales;

    /**
     * One of the two.
     *
     * @param name the {@code quant_method}
     * @param scales what the scales are called
     */
    Float8Method(String name, String scales) {
        this.name = name;
        this.scales = scales;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public List<QuantLayout> layouts() {
        return List.of(
                new QuantLayout(
                        "E4M3, a scale for a rectangle (`weight_block_size`), an output or a tensor",
                        "`weight`, `" + scales + "`",
                        "E5M2"));
    }

    @Override
    public void assemble(QuantFields fields, StoredParts stored) {
        fields.requireKnown(KNOWN);
        fields.require("fmt", fields.text("fmt", "e4m3"), List.of("e4m3"));
        List<Integer> block = fields.integers("weight_block_size");
        if (!block.isEmpty() && (block.size() != 2 || block.get(0) < 1 || block.get(1) < 1)) {
            throw fields.bad("weight_block_size", "is " + block, "use one of two sizes");
        }
        for (String module : stored.modules(scales)) {
            TensorInfo codes = stored.part(module, "weight");
            stored.dtype(codes, DType.F8_E4M3);
            int rows = stored.extent(codes, 2, 0);
            int columns = stored.extent(codes, 2, 1);
            TensorInfo found = stored.part(module, scales);
            boolean each = block.isEmpty() && found.elementCount() == rows;
            int high = block.isEmpty() ? each ? 1 : rows : block.get(0);
            int wide = block.isEmpty() ? columns : block.get(1);
            stored.put(
                    module,
                    ScaledBytes.format(stored, codes, found, new ScaledBytes.Extents(high, wide)));
        }
        stored.requirePlain(SKIPPED, fields.texts(SKIPPED));
    }
}
