package io.millrace.model.file;

import io.millrace.memory.DType;
import io.millrace.memory.TensorFormat;
import java.nio.file.Path;
import java.util.List;

/**
 * A tensor as a file of weights stores it.
 *
 * @param file the file that holds it
 * @param name its name there
 * @param format how its elements are stored
 * @param shape row-major extents; empty for a scalar
 * @param offsetBytes from the start of the file
 * @param sizeBytes bytes of all elements
 */
public record TensorInfo(
        Path file,
        String name,
        TensorFormat format,
        List<Long> shape,
        long offsetBytes,
        long sizeBytes) {

    /** Freezes the shape. */
    public TensorInfo {
        shape = List.copyOf(shape);
    }

    /** Number of elements. */
    public long elementCount() {
        return sizeBytes / format.unitBytes() * format.unitElements();
    }

    /** The numbers of a plain array; an IllegalStateException of another format. */
    public DType dtype() {
        if (format instanceof DType dtype) {
            return dtype;
        }
        throw new IllegalStateException(name + " of " + format.name() + " is no plain array");
    }

    /** The same tensor by another name. */
    public TensorInfo named(String other) {
        return new TensorInfo(file, other, format, shape, offsetBytes, sizeBytes);
    }

    /** Refuses a part that is not within the tensor. */
    void requirePart(long partOffset, long partBytes) {
        if (partOffset < 0 || partOffset + partBytes > sizeBytes) {
            throw new IndexOutOfBoundsException(
                    name + ": " + partBytes + " bytes at " + partOffset + " of " + sizeBytes);
        }
    }
}
