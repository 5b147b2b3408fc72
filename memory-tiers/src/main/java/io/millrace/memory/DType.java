package io.millrace.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Locale;
import java.util.Optional;

/** Element types as the safetensors format names them. */
public enum DType implements UnitFormat {
    /** IEEE binary64. */
    F64(8, "float64"),
    /** IEEE binary32. */
    F32(4, "float32"),
    /** IEEE binary16. */
    F16(2, "float16"),
    /** The upper half of a binary32. */
    BF16(2, "bfloat16"),
    /** Four bits of exponent and three of mantissa, without infinities; no weights by itself. */
    F8_E4M3(1, "float8_e4m3fn"),
    /** Signed 64-bit integer. */
    I64(8, "int64"),
    /** Signed 32-bit integer. */
    I32(4, "int32"),
    /** Signed 16-bit integer. */
    I16(2, "int16"),
    /** Signed 8-bit integer. */
    I8(1, "int8"),
    /** Unsigned 8-bit integer. */
    U8(1, "uint8"),
    /** One byte, 0 or 1. */
    BOOL(1, "bool");

    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final int sizeBytes;
    private final String torchName;

    DType(int sizeBytes, String torchName) {
        this.sizeBytes = sizeBytes;
        this.torchName = torchName;
    }

    /** Bytes of one element. */
    public int sizeBytes() {
        return sizeBytes;
    }

    /** The name that {@code config.json} and the command line use, such as {@code bfloat16}. */
    public String torchName() {
        return torchName;
    }

    /** Whether weights may be stored in it and tuned. */
    public boolean isTrainable() {
        return this == F32 || this == F16 || this == BF16;
    }

    @Override
    public int unitElements() {
        return 1;
    }

    @Override
    public int unitBytes() {
        return sizeBytes;
    }

    @Override
    public boolean holdsWeights() {
        return isTrainable();
    }

    @Override
    public void load(
            MemorySegment bytes, long offset, long first, float[] values, int start, int count) {
        long at = offset + first * sizeBytes;
        switch (this) {
            case F32 -> MemorySegment.copy(bytes, FLOAT, at, values, start, count);
            case BF16 -> {
                for (int i = 0; i < count; i++) {
                    values[start + i] = BFloat16.toFloat(bytes.get(SHORT, at + 2L * i));
                }
            }
            case F16 -> {
                for (int i = 0; i < count; i++) {
                    values[start + i] = Float.float16ToFloat(bytes.get(SHORT, at + 2L * i));
                }
            }
            case F64, F8_E4M3, I64, I32, I16, I8, U8, BOOL ->
                    throw new IllegalArgumentException("no weights are stored as " + this);
        }
    }

    /** The dtype of a safetensors name ({@code BF16}) or of a torch name ({@code bfloat16}). */
    public static Optional<DType> find(String name) {
        String upper = name.toUpperCase(Locale.ROOT);
        for (DType dtype : values()) {
            if (dtype.name().equals(upper) || dtype.torchName.equalsIgnoreCase(name)) {
                return Optional.of(dtype);
            }
        }
        return Optional.empty();
    }
}
