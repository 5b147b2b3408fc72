package io.millrace.model.quantize;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.telemetry.json.Json;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * NF4 as bitsandbytes saves it, without a second quantisation of the scales: {@code weight} uint8
 * [elements / 2, 1], row-major, the first of two elements in the upper half; {@code weight.absmax}
 * float32 [elements / group]; {@code weight.quant_map} float32 [16]; and the state's other fields
 * as JSON.
 */
record NormalFloatForm() implements QuantForm {
    private static final int LEAST_GROUP = 64;
    private static final int GREATEST_GROUP = 4096;
    private static final double DEVIATION = 0.53; // of the sixteen numbers, each as often
    private static final String STATE = ".quant_state.bitsandbytes__nf4";

    @Override
    public String name() {
        return "nf4";
    }

    @Override
    public int usualGroup() {
        return LEAST_GROUP;
    }

    @Override
    public CodeBook codes() {
        return new NormalFloatCodes();
    }

    @Override
    public boolean runsOn() {
        return true;
    }

    @Override
    public void check(QuantMatrix matrix, int group, Asked asked) {
        if (group < LEAST_GROUP || group > GREATEST_GROUP || Integer.bitCount(group) != 1) {
            throw new BadInputException(
                    asked.group(),
                    group + " is no block size of bitsandbytes",
                    "give 64, 128, ... or 4096");
        }
        if (matrix.elements() % group != 0) {
            throw new BadInputException(
                    asked.form(),
                    "nf4 has blocks of "
                            + group
                            + " elements, and "
                            + matrix.tensor()
                            + " has "
                            + matrix.outputs()
                            + " rows of "
                            + matrix.inputs(),
                    "give fp8, which takes every shape");
        }
    }

    @Override
    public List<SafetensorsWriter.Entry> entries(QuantMatrix matrix, int group, DType dtype) {
        String tensor = matrix.tensor();
        long elements = matrix.elements();
        return List.of(
                new SafetensorsWriter.Entry(tensor, DType.U8, List.of(elements / 2, 1L)),
                new SafetensorsWriter.Entry(
                        tensor + ".absmax", DType.F32, List.of(elements / group)),
                new SafetensorsWriter.Entry(
                        tensor + ".quant_map",
                        DType.F32,
                        List.of((long) NormalFloatCodes.map().length)),
                new SafetensorsWriter.Entry(
                        tensor + STATE,
                        DType.U8,
                        List.of((long) state(matrix, group, dtype).length)));
    }

    private static byte[] state(QuantMatrix matrix, int group, DType dtype) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("quant_type", "nf4");
        fields.put("blocksize", group);
        fields.put("dtype", dtype.torchName());
        fields.put("shape", List.of(matrix.outputs(), matrix.inputs()));
        return Json.write(fields).getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public void write(CodedTile tile, int group, DType dtype, PartSink sink) {
        QuantMatrix matrix = tile.matrix();
        String tensor = matrix.tensor();
        if (tile.firstRow() == 0) {
            sink.write(tensor + ".quant_map", 0, MemorySegment.ofArray(NormalFloatCodes.map()));
            sink.write(tensor + STATE, 0, MemorySegment.ofArray(state(matrix, group, dtype)));
        }
        byte[] pairs = new byte[tile.rows() * tile.columns() / 2];
        for (int at = 0; at < pairs.length; at++) {
            pairs[at] = (byte) (tile.codes()[2 * at] << 4 | tile.codes()[2 * at + 1]);
        }
        long first = (long) tile.firstRow() * tile.columns();
        sink.write(tensor, first / 2, MemorySegment.ofArray(pairs));
        float[] scales = Arrays.copyOf(tile.scales(), tile.rows() * (tile.columns() / group));
        sink.write(tensor + ".absmax", first / group * Float.BYTES, MemorySegment.ofArray(scales));
    }

    @Override
    public void make(
            QuantMatrix matrix, int group, DType dtype, double deviation, RandomCodes random) {
        String tensor = matrix.tensor();
        random.bits(tensor, matrix.elements() / 2);
        random.scales(
                tensor + ".absmax", DType.F32, matrix.elements() / group, deviation / DEVIATION);
        random.write(tensor + ".quant_map", MemorySegment.ofArray(NormalFloatCodes.map()));
        random.write(tensor + STATE, MemorySegment.ofArray(state(matrix, group, dtype)));
    }

    @Override
    public Map<String, Object> configuration(int group, List<String> left) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("quant_method", "bitsandbytes");
        fields.put("load_in_4bit", true);
        fields.put("load_in_8bit", false);
        fields.put("bnb_4bit_quant_type", "nf4");
        fields.put("bnb_4bit_use_double_quant", false);
        fields.put("bnb_4bit_compute_dtype", "bfloat16");
        fields.put("bnb_4bit_quant_storage", "uint8");
        fields.put("llm_int8_skip_modules", left);
        return fields;
    }
}
