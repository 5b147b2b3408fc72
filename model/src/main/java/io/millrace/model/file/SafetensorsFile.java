package io.millrace.model.file;

import io.millrace.memory.BadInputException;
import io.millrace.model.file.raw.ReadableFile;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Map;

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

    @Override
    public void read(TensorInfo tensor, long offsetBytes, MemorySegment dst) {
        tensor.requirePart(offsetBytes, dst.byteSize());
        try {
            file.read(tensor.offsetBytes() + offsetBytes, dst);
        } catch (IOException e) {
            throw new UncheckedIOException("reading " + tensor.name() + " from " + path(), e);
        }
    }

    @Override
    public void close() {
        file.close();
    }
}
