package io.millrace.model.quantized;

import io.millrace.memory.DType;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.quantized.format.MicroscaledFormat;
import java.util.List;
import java.util.Set;

/**
 * gpt-oss's MXFP4: {@code NAME_blocks} [experts, outputs, groups, 16] and {@code NAME_scales}
 * [experts, outputs, groups] of the experts of a layer, in the place of {@code NAME} [experts,
 * inputs, outputs]. Each expert's matrix is one of its own, {@code NAME[3]}, and lies the other way
 * round.
 */
final class JoinedExpertsMethod implements QuantMethod {
    private static final String SKIPPED = "modules_to_not_convert";
    private static final String BLOCKS = "_blocks";
    private static final String SCALES = "_scales";
    private static final int AXES = 4;

    /** The last says what a program is to do with the weights that it loads. */
    private static final Set<String> KNOWN = Set.of("quant_method", SKIPPED, "dequantize");

    @Override
    public String name() {
        return "mxfp4";
    }

    @Override
    public List<QuantLayout> layouts() {
        return List.of(
                new QuantLayout(
                        "experts of a layer in one tensor (gpt-oss): MXFP4, 32 inputs behind a"
                                + " power of two",
                        "`…_blocks`, `…_scales`",
                        "`merge` and `export`"));
    }

    @Override
    public void assemble(QuantFields fields, StoredParts stored) {
        fields.requireKnown(KNOWN);
        for (String tensor : stored.wholes(BLOCKS)) {
            TensorInfo blocks = stored.whole(tensor + BLOCKS);
            int experts = stored.extent(blocks, AXES, 0);
            int rows = stored.extent(blocks, AXES, 1);
            int groups = stored.extent(blocks, AXES, 2);
            MicroscaledFormat format =
                    new MicroscaledFormat(
                            rows, groups * MicroscaledFormat.GROUP, BLOCKS, SCALES, true);
            stored.dtype(blocks, DType.U8);
            stored.putEach(tensor, format, experts);
        }
        stored.requirePlain(SKIPPED, fields.texts(SKIPPED));
    }
}
