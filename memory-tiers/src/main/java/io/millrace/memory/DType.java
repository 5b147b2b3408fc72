package io.millrace.memory;

import java.util.Locale;
import java.util.Optional;

/** Element types as the safetensors format names them. */
public enum DType {
    /** IEEE binary64. */
    F64(8, "float64"),
    /** IEEE binary32. */
    F32(4, "float32"),
    /** IEEE binary16. */
    F16(2, "float16"),
    /** The upper half of a binary32. */
    BF16(2, "bfloat16"),
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
