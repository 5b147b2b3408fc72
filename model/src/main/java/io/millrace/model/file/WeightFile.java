package io.millrace.model.file;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** A file of weights, whatever its format, whose tensors are read where they lie. */
public interface WeightFile extends AutoCloseable {
    /** Where the file is. */
    Path path();

    /** All tensors by name, in the file's order; not to be changed. */
    Map<String, TensorInfo> tensors();

    /** Strings that go with the tensors into what is written after them. */
    Map<String, String> metadata();

    /**
     * Reads a part of a tensor. Any thread may call it.
     *
     * @param tensor one of this file's
     * @param offsetBytes from the tensor's first byte
     * @param dst native memory or a byte array, filled whole; the part must end within the tensor
     */
    void read(TensorInfo tensor, long offsetBytes, MemorySegment dst);

    /** The tensor of that name, if there is one. */
    default Optional<TensorInfo> find(String name) {
        return Optional.ofNullable(tensors().get(name));
    }

    /**
     * The tensor of that name.
     *
     * @throws BadInputException when there is none
     */
    default TensorInfo tensor(String name) {
        return find(name)
                .orElseThrow(() ->
                        new BadInputException(
                                path().toString(),
                                "has no tensor '" + name + "'",
                                "write it with one; it has "
                                        + tensors().keySet().stream().limit(8).toList()));
    }

    /** Reads a whole tensor into the start of {@code dst}, native memory or a byte array. */
    default void read(TensorInfo tensor, MemorySegment dst) {
        read(tensor, 0, dst.asSlice(0, tensor.sizeBytes()));
    }

    /**
     * All elements of an integer tensor.
     *
     * @throws BadInputException when the tensor is missing or not of integers
     */
    default long[] readLongs(String name) {
        TensorInfo tensor = tensor(name);
        if (!(tensor.format() instanceof DType dtype)) {
            throw notOf(tensor, "integers such as I64");
        }
        MemorySegment bytes = readHeap(tensor);
        long[] values = new long[(int) tensor.elementCount()];
        for (int i = 0; i < values.length; i++) {
            values[i] =
                    switch (dtype) {
                        case I64 -> bytes.get(Elements.LONG, (long) i * Long.BYTES);
                        case I32 -> bytes.get(Elements.INT, (long) i * Integer.BYTES);
                        case I16 -> bytes.get(Elements.SHORT, (long) i * Short.BYTES);
                        case I8 -> bytes.get(ValueLayout.JAVA_BYTE, i);
                        case U8, BOOL -> Byte.toUnsignedLong(bytes.get(ValueLayout.JAVA_BYTE, i));
                        case F64, F32, F16, BF16, F8_E4M3 ->
                                throw notOf(tensor, "integers such as I64");
                    };
        }
        return values;
    }

    /**
     * All elements of a floating-point tensor as float32.
     *
     * @throws BadInputException when the tensor is missing or not of floats
     */
    default float[] readFloats(String name) {
        TensorInfo tensor = tensor(name);
        if (!tensor.format().holdsWeights()) {
            throw notOf(tensor, "floats such as F32");
        }
        float[] values = new float[(int) tensor.elementCount()];
        tensor.format().load(readHeap(tensor), 0, 0, values, 0, values.length);
        return values;
    }

    /**
     * Elements of a tensor of weights as float32.
     *
     * @param tensor one of this file's, a plain array
     * @param first the first element, row by row
     * @param values where they go
     * @param start the first one's place there
     * @param count how many
     */
    default void readFloats(TensorInfo tensor, long first, float[] values, int start, int count) {
        long width = tensor.dtype().sizeBytes();
        MemorySegment bytes = MemorySegment.ofArray(new byte[Math.toIntExact(count * width)]);
        read(tensor, first * width, bytes);
        tensor.dtype().load(bytes, 0, 0, values, start, count);
    }

    private MemorySegment readHeap(TensorInfo tensor) {
        if (tensor.sizeBytes() > Integer.MAX_VALUE - 8) {
            throw new BadInputException(
                    path().toString(),
                    "tensor '" + tensor.name() + "' has " + tensor.sizeBytes() + " bytes",
                    "use fewer rows: this command reads it whole");
        }
        MemorySegment bytes = MemorySegment.ofArray(new byte[(int) tensor.sizeBytes()]);
        read(tensor, bytes);
        return bytes;
    }

    private BadInputException notOf(TensorInfo tensor, String what) {
        return new BadInputException(
                path().toString(),
                "tensor '" + tensor.name() + "' is of " + tensor.format().name(),
                "write it with " + what);
    }

    /** Closes the file; a second call does nothing. */
    @Override
    void close();
}
