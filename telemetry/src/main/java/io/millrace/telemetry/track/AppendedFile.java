package io.millrace.telemetry.track;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file of which a beginning is kept, and that grows from there. */
final class AppendedFile implements AutoCloseable {
    private final FileChannel out;

    private AppendedFile(FileChannel out) {
        this.out = out;
    }

    /**
     * Opens a file, made where it is missing.
     *
     * @param kept bytes of it that stay; it is cut there
     */
    static AppendedFile open(Path file, long kept) throws IOException {
        FileChannel out =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            out.truncate(kept);
            out.position(kept);
            return new AppendedFile(out);
        } catch (IOException | RuntimeException e) {
            try (out) {
                throw e;
            }
        }
    }

    /** Appends bytes, in one write where the drive takes them so. */
    void write(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }

    /** Bytes in the file. */
    long size() throws IOException {
        return out.position();
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
