package io.millrace.model.hub;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Objects;

/** Some bytes of a file, which is opened when the first of them is read. */
final class FileRange extends InputStream {
    private final Path file;
    private final long end;
    private long at;
    private FileChannel channel;

    /**
     * Some bytes.
     *
     * @param from the first
     * @param length how many, all of which the file has to have
     */
    FileRange(Path file, long from, long length) {
        this.file = file;
        this.at = from;
        this.end = from + length;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        if (at == end) {
            return -1;
        }
        if (channel == null) {
            channel = FileChannel.open(file);
        }
        int wanted = (int) Math.min(length, end - at);
        int count = channel.read(ByteBuffer.wrap(bytes, offset, wanted), at);
        if (count < 0) {
            throw new EOFException(file + " has become shorter");
        }
        at += count;
        return count;
    }

    @Override
    public void close() throws IOException {
        at = end;
        if (channel != null) {
            channel.close();
        }
    }
}
