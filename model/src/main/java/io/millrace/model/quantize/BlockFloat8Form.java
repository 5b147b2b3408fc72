package io.millrace.model.quantize;

import io.millrace.memory.DType;
import io.millrace.model.file.SafetensorsWriter;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * FP8 with a scale for each square block, as DeepSeek-V3 publishes it: {@code weight} E4M3
 * [outputs, inputs] and {@code weight_scale_inv} float32 [⌈outputs / group⌉, ⌈inputs / group⌉],
 * which in spite of its name is multiplied with.
 */
record BlockFloat8Form() implements QuantForm {
    // Of eight codes: 1/2 to 15/8, of either sign.
    private static final long ANY_SIGN_AND_FRACTION = 0x8F8F_8F8F_8F8F_8F8FL;
    private static final long ABOUT_ONE = 0x3030_3030_3030_3030L;
    private static final double DEVIATION = 1.16;

    private static final String SCALE = ".weight_scale_inv";

    @Override
    public String name() {
        return "fp8";
    }

    @Override
    public int usualGroup() {
        return 128;
    }

    @Override
    public CodeBook codes() {
        return new Float8CodeBook();
    }

    @Override
    public int rowsOfScale(int group) {
        return group;
    }

    @Override
    public void check(QuantMatrix matrix, int group, Asked asked) {
        // Blocks at the edges may be smaller.
    }

    @Override
    public List<SafetensorsWriter.Entry> entries(QuantMatrix matrix, int group, DType dtype) {
        long rows = Math.ceilDiv(matrix.outputs(), group);
        long groups = Math.ceilDiv(matrix.inputs(), group);
        return List.of(
                new SafetensorsWriter.Entry(
                        matrix.tensor(),
                        DType.F8_E4M3,
                        List.of((long) matrix.outputs(), (long) matrix.inputs())),
                new SafetensorsWriter.Entry(
                        matrix.module() + SCALE, DType.F32, List.of(rows, groups)));
    }

    @Override
    public void write(CodedTile tile, int group, DType dtype, PartSink sink) {
        QuantMatrix matrix = tile.matrix();
        int elements = tile.rows() * matrix.inputs();
        sink.write(
                matrix.tensor(),
                (long) tile.firstRow() * matrix.inputs(),
                MemorySegment.ofArray(tile.codes()).asSlice(0, elements));
        int groups = Math.ceilDiv(matrix.inputs(), group);
        float[] scales = Arrays.copyOf(tile.scales(), Math.ceilDiv(tile.rows(), group) * groups);
        sink.write(
                matrix.module() + SCALE,
                (long) tile.firstRow() / group * groups * Float.BYTES,
                MemorySegment.ofArray(scales));
    }

    @Override
    public void make(
            QuantMatrix matrix, int group, DType dtype, double deviation, RandomCodes random) {
        random.bits(matrix.tensor(), matrix.elements(), ANY_SIGN_AND_FRACTION, ABOUT_ONE);
        long scales =
                (long) Math.ceilDiv(matrix.outputs(), group) * Math.ceilDiv(matrix.inputs(), group);
        random.scales(matrix.module() + SCALE, DType.F32, scales, deviation / DEVIATION);
    }

    @Override
    public Map<String, Object> configuration(int group, List<String> left) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("quant_method", "fp8");
        fields.put("fmt", "e4m3");
        fields.put("activation_scheme", "dynamic");
        fields.put("weight_block_size", List.of(group, group));
        fields.put("modules_to_not_convert", left);
        return fields;
    }
}
