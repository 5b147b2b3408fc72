package io.millrace.model.quantized;

import io.millrace.memory.DType;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.quantized.format.GptqFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * GPTQ (arXiv 2210.17323) as AutoGPTQ and GPTQModel write it: codes of 4 or 8 bits packed along the
 * inputs, one zero point and one scale for each output of each group of inputs.
 */
final class GptqMethod implements QuantMethod {
    private static final String WEIGHT = "qweight";
    private static final int WORD_BITS = 32;

    private static final Set<String> KNOWN =
            Set.of(
                    "quant_method",
                    "bits",
                    "group_size",
                    "desc_act",
                    "sym",
                    "checkpoint_format",
                    "format",
                    "lm_head",
                    "dynamic",
                    "pack_dtype",
                    "modules_in_block_to_quantize",
                    // How the model was made, or how others compute with it.
                    "meta",
                    "quantizer",
                    "true_sequential",
                    "static_groups",
                    "damp_percent",
                    "damp_auto_increment",
                    "act_group_aware",
                    "mse",
                    "tokenizer",
                    "dataset",
                    "backend",
                    "use_cuda_fp16",
                    "model_seqlen",
                    "block_name_to_quantize",
                    "module_name_preceding_first_block",
                    "batch_size",
                    "pad_token_id",
                    "use_exllama",
                    "max_input_length",
                    "exllama_config",
                    "cache_block_outputs",
                    "model_name_or_path",
                    "model_file_base_name",
                    "is_marlin_format",
                    "uri");

    @Override
    public String name() {
        return "gptq";
    }

    @Override
    public List<QuantLayout> layouts() {
        return List.of(
                new QuantLayout(
                        "4 and 8 bits in groups of inputs, in any order (`desc_act`)",
                        "`qweight`, `qzeros`, `scales`, `g_idx`",
                        "2, 3 and other widths; the formats `marlin` and `bitblas`"));
    }

    /** What holds for a module. */
    private record Settings(int bits, int groupSize) {}

    @Override
    public void assemble(QuantFields fields, StoredParts stored) {
        fields.requireKnown(KNOWN);
        Settings usual = settings(fields, new Settings(0, -1));
        String format = fields.text("checkpoint_format", fields.text("format", "gptq"));
        fields.require(
                fields.has("checkpoint_format") ? "checkpoint_format" : "format",
                format,
                List.of("gptq", "gptq_v2"));
        fields.require("pack_dtype", fields.text("pack_dtype", "int32"), List.of("int32"));
        fields.require("is_marlin_format", fields.bool("is_marlin_format", false), List.of(false));
        Map<Pattern, Optional<Settings>> dynamic = dynamic(fields, usual);
        for (String module : stored.modules(WEIGHT)) {
            Settings settings = usual;
            for (Map.Entry<Pattern, Optional<Settings>> rule : dynamic.entrySet()) {
                if (rule.getKey().matcher(module).lookingAt()) {
                    settings = rule.getValue().orElseThrow(() -> packedYetLeftOut(fields, module));
                    break;
                }
            }
            stored.put(module, format(stored, module, settings, format.equals("gptq")));
        }
    }

    private static Settings settings(QuantFields fields, Settings usual) {
        int bits = fields.require("bits", fields.integer("bits", usual.bits), List.of(4, 8));
        int groupSize = fields.integer("group_size", usual.groupSize);
        if (groupSize == 0 || groupSize < -1) {
            throw fields.bad(
                    "group_size", "is " + groupSize, "use a model where it is -1 or above 0");
        }
        return new Settings(bits, groupSize);
    }

    /** Rules for modules by patterns of their names; the first that matches counts. */
    private static Map<Pattern, Optional<Settings>> dynamic(QuantFields fields, Settings usual) {
        Map<Pattern, Optional<Settings>> rules = new LinkedHashMap<>();
        QuantFields section = fields.section("dynamic");
        for (String rule : section.json().fields().keySet()) {
            boolean out = rule.startsWith("-:");
            String regex = out || rule.startsWith("+:") ? rule.substring(2) : rule;
            try {
                rules.put(
                        Pattern.compile(regex),
                        out
                                ? Optional.empty()
                                : Optional.of(settings(section.section(rule), usual)));
            } catch (PatternSyntaxException e) {
                throw section.bad(rule, "is no pattern: " + e.getDescription(), "mend it");
            }
        }
        return rules;
    }

    private static RuntimeException packedYetLeftOut(QuantFields fields, String module) {
        return fields.bad(
                "dynamic",
                "leaves out '" + module + "', which is packed",
                "use the weights and the config.json of one publication");
    }

    private static GptqFormat format(
            StoredParts stored, String module, Settings settings, boolean v1) {
        TensorInfo codes = stored.part(module, WEIGHT);
        int perWord = WORD_BITS / settings.bits;
        int columns = stored.extent(codes, 2, 0) * perWord;
        int rows = stored.extent(codes, 2, 1);
        int groupSize = settings.groupSize == -1 ? columns : settings.groupSize;
        if (rows % perWord != 0) {
            throw stored.bad(codes, "has " + rows + " outputs, which fill no words of " + perWord);
        }
        Optional<TensorInfo> order = stored.find(module, "g_idx");
        if (order.isEmpty() && columns % groupSize != 0) {
            throw stored.bad(
                    codes, "has " + columns + " inputs, which groups of " + groupSize + " leave");
        }
        DType scales =
                stored.dtype(stored.part(module, "scales"), DType.F16, DType.BF16, DType.F32);
        return new GptqFormat(
                rows, columns, settings.bits, groupSize, v1, order.isPresent(), scales);
    }
}
