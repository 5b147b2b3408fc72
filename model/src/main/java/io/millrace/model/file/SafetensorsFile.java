package io.millrace.model.file;

import io.millrace.memory.BadInputException;
import io.millrace.memory.CorruptDataException;
import io.millrace.memory.DType;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Optional;

/**
 * A safetensors file, open for reading. The header is checked in full before {@link #open} returns,
 * so that every offset in it may be used. Reads are positional: any thread may call them.
 */
public final class SafetensorsFile implements AutoCloseable {
    /** A read call moves at most this much, since buffers count in ints. */
    private static final long READ_BYTES = 64L << 20;

    private final Path path;
    private final FileChannel channel;
    private final SafetensorsHeader header;

    private SafetensorsFile(Path path, FileChannel channel, SafetensorsHeader header) {
        this.path = path;
        this.channel = channel;
        this.header = header;
    }

    /**
     * Opens a file and checks its header.
     *
     * @throws BadInputException when the file is missing or is not a whole safetensors file
     */
    public static SafetensorsFile open(Path path) {
        if (!Files.isRegularFile(path)) {
            boolean there = Files.exists(path) && !Files.isDirectory(path);
            throw new BadInputException(
                    path.toString(),
                    there ? "is a pipe or a device" : "there is no such file",
                    there ? "give a file: it is read from any place in it" : "check the path");
        }
        FileChannel channel = null;
        try {
            channel = FileChannel.open(path, StandardOpenOption.READ);
            return new SafetensorsFile(path, channel, readHeader(path, channel));
        } catch (IOException e) {
            closeAfter(channel, e);
            throw new BadInputException(
                    path.toString(), "cannot be read: " + e, "check the file and its permissions");
        } catch (RuntimeException e) {
            closeAfter(channel, e);
            throw e;
        }
    }

    private static SafetensorsHeader readHeader(Path path, FileChannel channel) throws IOException {
        long fileBytes = channel.size();
        if (fileBytes < Long.BYTES) {
            throw new BadInputException(
                    path.toString(),
                    "has " + fileBytes + " bytes, too few for a safetensors file",
                    "download or write the file again");
        }
        ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        readFully(path, channel, MemorySegment.ofBuffer(length), 0);
        int bytes = SafetensorsHeader.checkLength(path, length.getLong(0), fileBytes);
        InputStream json =
                new BufferedInputStream(
                        new HeaderStream(channel, Long.BYTES, Long.BYTES + bytes), 1 << 16);
        return SafetensorsHeader.parse(path, json, Long.BYTES + (long) bytes, fileBytes);
    }

    /** The bytes of the header, read as they are asked for. */
    private static final class HeaderStream extends InputStream {
        private final FileChannel channel;
        private final long end;
        private long position;

        private HeaderStream(FileChannel channel, long position, long end) {
            this.channel = channel;
            this.position = position;
            this.end = end;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : Byte.toUnsignedInt(one[0]);
        }

        @Override
        public int read(byte[] into, int offset, int length) throws IOException {
            int part = (int) Math.min(length, end - position);
            if (part == 0) {
                return length == 0 ? 0 : -1;
            }
            int count = channel.read(ByteBuffer.wrap(into, offset, part), position);
            position += Math.max(count, 0);
            return count;
        }
    }

    private static void closeAfter(FileChannel channel, Exception cause) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                cause.addSuppressed(e);
            }
        }
    }

    /** Where the file is. */
    public Path path() {
        return path;
    }

    /** All tensors by name, in the header's order; not to be changed. */
    public Map<String, TensorInfo> tensors() {
        return header.tensors();
    }

    /** The strings that the header's {@code __metadata__} holds. */
    public Map<String, String> metadata() {
        return header.metadata();
    }

    SafetensorsHeader header() {
        return header;
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
                                path.toString(),
                                "has no tensor '" + name + "'",
                                "write it with one; it has "
                                        + header.tensors().keySet().stream().limit(8).toList()));
    }

    /** Reads a whole tensor into the start of {@code dst}, native memory or a byte array. */
    public void read(TensorInfo tensor, MemorySegment dst) {
        read(tensor, 0, dst.asSlice(0, tensor.sizeBytes()));
    }

    /**
     * Reads a part of a tensor.
     *
     * @param tensor one of this file's
     * @param offsetBytes from the tensor's first byte
     * @param dst native memory or a byte array, filled whole; the part must end within the tensor
     */
    public void read(TensorInfo tensor, long offsetBytes, MemorySegment dst) {
        if (offsetBytes < 0 || offsetBytes + dst.byteSize() > tensor.sizeBytes()) {
            throw new IndexOutOfBoundsException(
                    tensor.name()
                            + ": "
                            + dst.byteSize()
                            + " bytes at "
                            + offsetBytes
                            + " of "
                            + tensor.sizeBytes());
        }
        try {
            readFully(path, channel, dst, tensor.offsetBytes() + offsetBytes);
        } catch (IOException e) {
            throw new UncheckedIOException("reading " + tensor.name() + " from " + path, e);
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
                        case F64, F32, F16, BF16 -> throw notOf(tensor, "integers such as I64");
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
                    path.toString(),
                    "tensor '" + tensor.name() + "' has " + tensor.sizeBytes() + " bytes",
                    "use fewer rows: this command reads it whole");
        }
        MemorySegment bytes = MemorySegment.ofArray(new byte[(int) tensor.sizeBytes()]);
        read(tensor, bytes);
        return bytes;
    }

    private BadInputException notOf(TensorInfo tensor, String what) {
        return new BadInputException(
                path.toString(),
                "tensor '" + tensor.name() + "' is of " + tensor.format().name(),
                "write it with " + what);
    }

    private static void readFully(Path path, FileChannel channel, MemorySegment dst, long position)
            throws IOException {
        for (long done = 0; done < dst.byteSize(); ) {
            long part = Math.min(READ_BYTES, dst.byteSize() - done);
            int count = channel.read(dst.asSlice(done, part).asByteBuffer(), position + done);
            if (count < 0) {
                throw new CorruptDataException(
                        path
                                + " ended at byte "
                                + (position + done)
                                + " of "
                                + (position + dst.byteSize())
                                + ": it was cut while it was open");
            }
            done += count;
        }
    }

    /** Closes the file; a second call does nothing. */
    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException("closing " + path, e);
        }
    }
}
