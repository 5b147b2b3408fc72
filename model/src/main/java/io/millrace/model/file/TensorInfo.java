package io.millrace.model.file;

import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.TensorFormat;
import java.nio.file.Path;
import java.util.List;

/**
 * A tensor as files of weights store it: in one piece, or, where its format spreads it over several
 * arrays, as parts that may lie in different files.
 *
 * @param file the file that holds it; of parts the first
 * @param name its name there, or the name that the model has for its parts together
 * @param format how its elements are stored
 * @param shape row-major extents; empty for a scalar
 * @param offsetBytes from the start of the file; of parts the first
 * @param sizeBytes bytes of all elements; of parts the sum
 * @param parts in the order of {@link PackedFormat#parts}; empty for a tensor in one piece
 */
public record TensorInfo(
        Path file,
        String name,
        TensorFormat format,
        List<Long> shape,
        long offsetBytes,
        long sizeBytes,
        List<TensorInfo> parts) {

    /** Freezes shape and parts. */
    public TensorInfo {
        shape = List.copyOf(shape);
        parts = List.copyOf(parts);
    }

    /** A tensor in one piece. */
    public TensorInfo(
            Path file,
            String name,
            TensorFormat format,
            List<Long> shape,
            long offsetBytes,
            long sizeBytes) {
        this(file, name, format, shape, offsetBytes, sizeBytes, List.of());
    }

    /**
     * A matrix that several arrays make together.
     *
     * @param name the model's name for it
     * @param format how
     * @param parts the arrays, in the format's order
     */
    public static TensorInfo of(String name, PackedFormat format, List<TensorInfo> parts) {
        List<Long> shape = List.of((long) format.rows(), (long) format.columns());
        TensorInfo first = parts.getFirst();
        long bytes = parts.stream().mapToLong(TensorInfo::sizeBytes).sum();
        return new TensorInfo(first.file, name, format, shape, first.offsetBytes, bytes, parts);
    }

    /** Number of elements. */
    public long elementCount() {
        return shape.stream().reduce(1L, Math::multiplyExact);
    }

    /** The numbers of a plain array; an IllegalStateException of another format. */
    public DType dtype() {
        if (format instanceof DType dtype) {
            return dtype;
        }
        throw new IllegalStateException(name + " of " + format.name() + " is no plain array");
    }

    /** The pieces of files that it lies in, which follow one another wherever it is read to. */
    public List<TensorInfo> pieces() {
        return parts.isEmpty() ? List.of(this) : parts;
    }

    /** The same tensor by another name. */
    public TensorInfo named(String other) {
        return new TensorInfo(file, other, format, shape, offsetBytes, sizeBytes, parts);
    }

    /**
     * A part of an array that has one axis more, such as what one of several experts has of it.
     *
     * @param index along the first axis
     */
    public TensorInfo slice(int index) {
        List<Long> inner = shape.subList(1, shape.size());
        long bytes = format.bytes(inner);
        return new TensorInfo(
                file, name + "[" + index + "]", format, inner, offsetBytes + index * bytes, bytes);
    }

    /** Refuses a part that is not within the tensor. */
    void requirePart(long partOffset, long partBytes) {
        if (partOffset < 0 || partOffset + partBytes > sizeBytes) {
            throw new IndexOutOfBoundsException(
                    name + ": " + partBytes + " bytes at " + partOffset + " of " + sizeBytes);
        }
    }
}
