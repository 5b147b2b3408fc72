package io.millrace.model.file;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.file.raw.ReadableFile;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * A safetensors file, open for reading. The header is checked in full before {@link #open} returns,
 * so that every offset in it may be used. Reads are positional: any thread may call them.
 */
public final class SafetensorsFile implements WeightFile {
    private final ReadableFile file;
    private final SafetensorsHeader header;

    private SafetensorsFile(ReadableFile file, SafetensorsHeader header) {
        this.file = file;
        this.header = header;
    }

    /**
     * Opens a file and checks its header.
     *
     * @throws BadInputException when the file is missing or is not a whole safetensors file
     */
    public static SafetensorsFile open(Path path) {
        ReadableFile file = ReadableFile.open(path);
        try {
            return new SafetensorsFile(file, readHeader(file));
        } catch (IOException e) {
            file.close();
            throw ReadableFile.unreadable(path, e);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static SafetensorsHeader readHeader(ReadableFile file) throws IOException {
        Path path = file.path();
        long fileBytes = file.size();
        if (fileBytes < Long.BYTES) {
            throw new BadInputException(
                    path.toString(),
                    "has " + fileBytes + " bytes, too few for a safetensors file",
                    "download or write the file again");
        }
        ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        file.read(0, MemorySegment.ofBuffer(length));
        int bytes = SafetensorsHeader.checkLength(path, length.getLong(0), fileBytes);
        InputStream json =
                new BufferedInputStream(file.stream(Long.BYTES, Long.BYTES + bytes), 1 << 16);
        return SafetensorsHeader.parse(path, json, Long.BYTES + (long) bytes, fileBytes);
    }

    @Override
    public Path path() {
        return file.path();
    }

    @Override
    public Map<String, TensorInfo> tensors() {
        return header.tensors();
    }

    /** The strings that the header's {@code __metadata__} holds. */
    @Override
    public Map<String, String> metadata() {
        return header.metadata();
    }

    /** The tensor of that name, if there is one. */
    public Optional<TensorInfo> find(String name) {
        return Optional.ofNullable(header.tensors().get(name));
    }

    /**
     * The tensor of that name.
     *
     * @throws BadInputException when there is none
     */
    public TensorInfo tensor(String name) {
        return find(name)
                .orElseThrow(() ->
                        new BadInputException(
                                path().toString(),
                                "has no tensor '" + name + "'",
                                "write it with one; it has "
                                        + header.tensors().keySet().stream().limit(8).toList()));
    }

    /** Reads a whole tensor into the start of {@code dst}, native memory or a byte array. */
    public void read(TensorInfo tensor, MemorySegment dst) {
        read(tensor, 0, dst.asSlice(0, tensor.sizeBytes()));
    }

    @Override
    public void read(TensorInfo tensor, long offsetBytes, MemorySegment dst) {
        tensor.requirePart(offsetBytes, dst.byteSize());
        try {
            file.read(tensor.offsetBytes() + offsetBytes, dst);
        } catch (IOException e) {
            throw new UncheckedIOException("reading " + tensor.name() + " from " + path(), e);
        }
    }

    /**
     * All elements of an integer tensor.
     *
     * @throws BadInputException when the tensor is missing or not of integers
     */
    public long[] readLongs(String name) {
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
    public float[] readFloats(String name) {
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
    public void readFloats(TensorInfo tensor, long first, float[] values, int start, int count) {
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

    @Override
    public void close() {
        file.close();
    }
}
