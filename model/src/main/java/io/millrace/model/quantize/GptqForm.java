package io.millrace.model.quantize;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.file.SafetensorsWriter;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.stream.Collectors;

/**
 * Integers of 4 or 8 bits in the layout of GPTQ's first version, symmetric and in the order of the
 * inputs: {@code qweight} int32 [inputs · bits / 32, outputs], {@code qzeros} int32 [groups,
 * outputs · bits / 32] with each zero less one, {@code scales} float16 [groups, outputs] and {@code
 * g_idx} int32 [inputs]. The lowest bits of a word are the first of its elements.
 *
 * @param bits of a code
 */
record GptqForm(int bits) implements QuantForm {
    private static final int WORD_BITS = 32;

    @Override
    public String name() {
        return "int" + bits;
    }

    @Override
    public int usualGroup() {
        return 128;
    }

    @Override
    public IntegerCodes codes() {
        return new IntegerCodes(bits);
    }

    private int perWord() {
        return WORD_BITS / bits;
    }

    @Override
    public void check(QuantMatrix matrix, int group, Asked asked) {
        QuantForm.requireDivides(matrix, group, asked);
        if (matrix.inputs() % perWord() != 0 || matrix.outputs() % perWord() != 0) {
            throw new BadInputException(
                    asked.form(),
                    name()
                            + " packs "
                            + perWord()
                            + " elements a word, and "
                            + matrix.tensor()
                            + " has "
                            + matrix.outputs()
                            + " outputs and "
                            + matrix.inputs()
                            + " inputs",
                    "give fp8, which takes every shape");
        }
    }

    @Override
    public List<SafetensorsWriter.Entry> entries(QuantMatrix matrix, int group, DType dtype) {
        String module = matrix.module();
        long groups = matrix.inputs() / group;
        long outputs = matrix.outputs();
        return List.of(
                new SafetensorsWriter.Entry(
                        module + ".g_idx", DType.I32, List.of((long) matrix.inputs())),
                new SafetensorsWriter.Entry(
                        module + ".qweight",
                        DType.I32,
                        List.of((long) matrix.inputs() / perWord(), outputs)),
                new SafetensorsWriter.Entry(
                        module + ".qzeros", DType.I32, List.of(groups, outputs / perWord())),
                new SafetensorsWriter.Entry(
                        module + ".scales", DType.F16, List.of(groups, outputs)));
    }

    @Override
    public void write(CodedTile tile, int group, DType dtype, PartSink sink) {
        QuantMatrix matrix = tile.matrix();
        String module = matrix.module();
        int groups = matrix.inputs() / group;
        if (tile.firstRow() == 0) {
            sink.write(module + ".qzeros", 0, zeros(matrix, groups));
            sink.write(module + ".g_idx", 0, order(matrix, group));
        }
        int[] words = new int[tile.rows()];
        for (int at = 0; at < matrix.inputs() / perWord(); at++) {
            int first = at * perWord();
            for (int row = 0; row < words.length; row++) {
                int own = row;
                words[row] = word(place -> tile.code(own, first + place));
            }
            long offset = ((long) at * matrix.outputs() + tile.firstRow()) * Integer.BYTES;
            sink.write(module + ".qweight", offset, MemorySegment.ofArray(words));
        }
        short[] scales = new short[tile.rows()];
        for (int at = 0; at < groups; at++) {
            for (int row = 0; row < scales.length; row++) {
                scales[row] = Float.floatToFloat16(tile.scales()[row * groups + at]);
            }
            long offset = ((long) at * matrix.outputs() + tile.firstRow()) * Short.BYTES;
            sink.write(module + ".scales", offset, MemorySegment.ofArray(scales));
        }
    }

    private MemorySegment zeros(QuantMatrix matrix, int groups) {
        int[] zeros = new int[groups * (matrix.outputs() / perWord())];
        Arrays.fill(zeros, word(_ -> codes().zero() - 1));
        return MemorySegment.ofArray(zeros);
    }

    private static MemorySegment order(QuantMatrix matrix, int group) {
        int[] order = new int[matrix.inputs()];
        Arrays.setAll(order, input -> input / group);
        return MemorySegment.ofArray(order);
    }

    @Override
    public void make(
            QuantMatrix matrix, int group, DType dtype, double deviation, RandomCodes random) {
        String module = matrix.module();
        int groups = matrix.inputs() / group;
        double steps = Math.sqrt((Math.pow(1 << bits, 2) - 1) / 12); // of evenly spread codes
        random.bits(module + ".qweight", matrix.elements() * bits / Byte.SIZE);
        random.write(module + ".qzeros", zeros(matrix, groups));
        random.scales(
                module + ".scales", DType.F16, (long) groups * matrix.outputs(), deviation / steps);
        random.write(module + ".g_idx", order(matrix, group));
    }

    private int word(IntUnaryOperator code) {
        int word = 0;
        for (int place = 0; place < perWord(); place++) {
            word |= code.applyAsInt(place) << (place * bits);
        }
        return word;
    }

    @Override
    public Map<String, Object> configuration(int group, List<String> left) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("quant_method", "gptq");
        fields.put("bits", bits);
        fields.put("group_size", group);
        fields.put("desc_act", false);
        fields.put("sym", true);
        fields.put("checkpoint_format", "gptq");
        fields.put("pack_dtype", "int32");
        fields.put("lm_head", false);
        if (!left.isEmpty()) {
            fields.put(
                    "dynamic",
                    left.stream()
                            .collect(
                                    Collectors.toMap(
                                            module -> "-:^" + module.replace(".", "\\.") + "$",
                                            _ -> Map.of(),
                                            (first, _) -> first,
                                            LinkedHashMap::new)));
        }
        return fields;
    }
}
