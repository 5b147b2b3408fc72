package io.millrace.model.export;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.UnitFormat;
import io.millrace.model.file.Elements;
import io.millrace.model.file.gguf.GgufFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** How the matrices of a GGUF file are stored; vectors are float32 in all of them, as in ggml's. */
public enum GgufType {
    /** 32 bits. */
    F32(0, 0, DType.F32),
    /** IEEE's 16 bits. */
    F16(1, 1, DType.F16),
    /** The upper half of 32 bits. */
    BF16(30, 32, DType.BF16),
    /** Integers of 8 bits, 32 of which share a scale of 16 bits. */
    Q8_0(8, 7, GgufFormat.Q8_0);

    private static final int GROUP = 32;
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final int code;
    private final int fileType;

    @SuppressWarnings("ImmutableEnumChecker") // an enum's constant
    private final UnitFormat format;

    GgufType(int code, int fileType, UnitFormat format) {
        this.code = code;
        this.fileType = fileType;
        this.format = format;
    }

    /**
     * The type of a name, in any case.
     *
     * @throws BadInputException where there is none, naming the option that has it
     */
    public static GgufType parse(String name, String option) {
        return Arrays.stream(values())
                .filter(type -> type.name().equals(name.toUpperCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(() ->
                        new BadInputException(
                                option, "'" + name + "' is no type of a GGUF file's", mend()));
    }

    private static String mend() {
        return "give "
                + Arrays.stream(values())
                        .map(type -> type.name().toLowerCase(Locale.ROOT))
                        .collect(Collectors.joining(", "));
    }

    /** ggml's number for it. */
    int code() {
        return code;
    }

    /** What {@code general.file_type} says. */
    int fileType() {
        return fileType;
    }

    /** The type that a tensor of a shape takes: rows of no whole groups stay wider. */
    GgufType of(List<Long> shape) {
        if (shape.size() < 2) {
            return F32;
        }
        return this == Q8_0 && shape.getLast() % GROUP != 0 ? F16 : this;
    }

    /** Bytes of a tensor. */
    long bytes(List<Long> shape) {
        return format.bytes(shape);
    }

    /**
     * Stores numbers, each rounded to nearest.
     *
     * @param values whole groups
     */
    void store(float[] values, int count, MemorySegment to) {
        switch (this) {
            case F32, F16, BF16 -> {
                MemorySegment from = MemorySegment.ofArray(values);
                Elements.convert(from, DType.F32, to, (DType) format, count);
            }
            case Q8_0 -> {
                for (int first = 0; first < count; first += GROUP) {
                    group(values, first, to, first / GROUP * (long) GgufFormat.Q8_0.unitBytes());
                }
            }
        }
    }

    /** As ggml's reference does: the scale's reciprocal is taken before the scale is rounded. */
    private static void group(float[] values, int first, MemorySegment to, long at) {
        float most = 0;
        for (int i = 0; i < GROUP; i++) {
            most = Math.max(most, Math.abs(values[first + i]));
        }
        float scale = most / 127;
        float inverse = scale == 0 ? 0 : 1 / scale;
        to.set(SHORT, at, Float.floatToFloat16(scale));
        for (int i = 0; i < GROUP; i++) {
            float code = values[first + i] * inverse;
            // Halves go away from zero.
            int rounded = (int) (Math.signum(code) * Math.floor(Math.abs((double) code) + 0.5));
            to.set(ValueLayout.JAVA_BYTE, at + 2 + i, (byte) rounded);
        }
    }
}
