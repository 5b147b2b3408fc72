package io.millrace.memory;

import java.util.List;

/**
 * One of the arrays that a {@link PackedFormat} spreads a matrix over.
 *
 * @param suffix what a file calls it, behind the name of the module and a dot, such as {@code
 *     qweight}
 * @param role what it says of the matrix
 * @param dtype of its elements
 * @param shape row-major extents, as a file has them
 * @param limit what its integers stay below, where they number something; else 0
 */
public record TensorPart(String suffix, Role role, DType dtype, List<Long> shape, int limit) {
    /** What a part says. */
    public enum Role {
        /** The small integers, or the small floats. */
        CODES,
        /** What codes are multiplied with: a group whose scale is 0 or no number is damaged. */
        SCALES,
        /** The same, where 0 is what a group of zeros has. */
        RANGES,
        /** What is taken from codes before they are multiplied, itself in codes. */
        ZEROS,
        /** Exponents of two that codes are multiplied with, 127 too large: 255 is no number. */
        EXPONENTS,
        /** Which group an input belongs to. */
        GROUPS,
        /** What a code stands for, or another number that all of the matrix share. */
        TABLE
    }

    /** Freezes the shape. */
    public TensorPart {
        shape = List.copyOf(shape);
    }

    /** A part that numbers nothing. */
    public TensorPart(String suffix, Role role, DType dtype, List<Long> shape) {
        this(suffix, role, dtype, shape, 0);
    }

    /** Bytes of its elements. */
    public long sizeBytes() {
        return dtype.bytes(shape);
    }
}
