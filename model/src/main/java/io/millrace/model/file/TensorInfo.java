package io.millrace.model.file;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.TensorFormat;
import io.millrace.model.spec.Slices;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

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

    /**
     * Its {@link Slices} along the first axis.
     *
     * @param count how many there have to be
     * @throws BadInputException when there are others
     */
    List<TensorInfo> slices(int count) {
        if (shape.isEmpty() || shape.getFirst() != count) {
            throw new BadInputException(
                    file.toString(),
                    "tensor '"
                            + name
                            + "' has shape "
                            + shape
                            + " where config.json asks for "
                            + count
                            + " experts",
                    "use the weights and the config.json of one publication");
        }
        List<Long> rest = shape.subList(1, shape.size());
        long bytes = sizeBytes / count;
        return IntStream.range(0, count)
                .mapToObj(index ->
                        new TensorInfo(
                                file,
                                Slices.name(name, index),
                                format,
                                rest,
                                offsetBytes + index * bytes,
                                bytes))
                .toList();
    }

    /** Refuses a part that is not within the tensor. */
    void requirePart(long partOffset, long partBytes) {
        if (partOffset < 0 || partOffset + partBytes > sizeBytes) {
            throw new IndexOutOfBoundsException(
                    name + ": " + partBytes + " bytes at " + partOffset + " of " + sizeBytes);
        }
    }
}
