package io.millrace.model.file;

import io.millrace.memory.DType;
import java.nio.file.Path;
import java.util.List;

/**
 * A tensor as a safetensors file stores it.
 *
 * @param file the file that holds it
 * @param name its name there
 * @param dtype how its elements are stored
 * @param shape row-major extents; empty for a scalar
 * @param offsetBytes from the start of the file
 * @param sizeBytes bytes of all elements
 */
public record TensorInfo(
        Path file, String name, DType dtype, List<Long> shape, long offsetBytes, long sizeBytes) {

    /** Freezes the shape. */
    public TensorInfo {
        shape = List.copyOf(shape);
    }

    /** Number of elements. */
    public long elementCount() {
        return sizeBytes / dtype.sizeBytes();
    }
}
