package io.millrace.model.quantized;

import io.millrace.memory.DType;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.quantized.format.AwqFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** AWQ (arXiv 2306.00978) as AutoAWQ writes it for products of matrices. */
final class AwqMethod implements QuantMethod {
    private static final int OF_WORD = 8;
    private static final String SKIPPED = "modules_to_not_convert";

    private static final Set<String> KNOWN =
            Set.of(
                    "quant_method",
                    "bits",
                    "w_bit",
                    "group_size",
                    "q_group_size",
                    "zero_point",
                    "version",
                    SKIPPED,
                    // How others compute with it.
                    "backend",
                    "do_fuse",
                    "fuse_max_seq_len",
                    "exllama_config",
                    "modules_to_fuse",
                    "modelopt",
                    "desc_act",
                    "sym",
                    "lm_head");

    @Override
    public String name() {
        return "awq";
    }

    @Override
    public List<QuantLayout> layouts() {
        return List.of(
                new QuantLayout(
                        "4 bits in groups of inputs, version `gemm`",
                        "`qweight`, `qzeros`, `scales`",
                        "the versions `gemv`, `gemv_fast`, `marlin`, `ipex`"));
    }

    @Override
    public void assemble(QuantFields fields, StoredParts stored) {
        fields.requireKnown(KNOWN);
        fields.require(
                "version",
                fields.text("version", "gemm").toLowerCase(Locale.ROOT),
                List.of("gemm"));
        fields.require("bits", fields.integerOf(List.of("bits", "w_bit"), 4), List.of(4));
        fields.require("zero_point", fields.bool("zero_point", true), List.of(true));
        int group = fields.integerOf(List.of("group_size", "q_group_size"), 128);
        for (String module : stored.modules("qweight")) {
            TensorInfo codes = stored.part(module, "qweight");
            int columns = stored.extent(codes, 2, 0);
            int rows = stored.extent(codes, 2, 1) * OF_WORD;
            int own = group == -1 ? columns : group;
            if (own < 1 || columns % own != 0) {
                throw fields.bad(
                        "group_size",
                        "is "
                                + group
                                + ", which does not divide the "
                                + columns
                                + " inputs of '"
                                + module
                                + "'",
                        "use the weights and the config.json of one publication");
            }
            DType scales =
                    stored.dtype(stored.part(module, "scales"), DType.F16, DType.BF16, DType.F32);
            stored.put(module, new AwqFormat(rows, columns, own, scales));
        }
        stored.requirePlain(SKIPPED, fields.texts(SKIPPED));
    }
}
