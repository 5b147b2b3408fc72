package io.millrace.memory;

import java.util.Locale;

/** What products of matrices compute on. Sums are float32 in each. */
public enum Matmul {
    /** The type that the matrices have. */
    NATIVE,
    /** TensorFloat-32: float32 matrices, of which products read 10 bits of mantissa. */
    TF32,
    /** E4M3, 3 bits of mantissa: matrices of any type, each with a scale. */
    FP8,
    /** bfloat16, on a CPU: what is multiplied is rounded to it, whatever it is stored in. */
    BF16;

    /** The name on the command line and in files, such as {@code tf32}. */
    public String id() {
        return name().toLowerCase(Locale.ROOT);
    }
}
