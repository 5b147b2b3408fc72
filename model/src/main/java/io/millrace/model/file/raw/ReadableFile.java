package io.millrace.model.file.raw;

import io.millrace.memory.BadInputException;
import io.millrace.memory.CorruptDataException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A regular file, open for reads at any position by any thread. */
public final class ReadableFile implements AutoCloseable {
    /** A read call moves at most this much, since buffers count in ints. */
    private static final long READ_BYTES = 64L << 20;

    private final Path path;
    private final FileChannel channel;

    private ReadableFile(Path path, FileChannel channel) {
        this.path = path;
        this.channel = channel;
    }

    /**
     * Opens a file.
     *
     * @throws BadInputException when it is missing, is no regular file, or cannot be read
     */
    public static ReadableFile open(Path path) {
        if (!Files.isRegularFile(path)) {
            throw notAFile(path);
        }
        try {
            return new ReadableFile(path, FileChannel.open(path, StandardOpenOption.READ));
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    private static BadInputException notAFile(Path path) {
        if (Files.isSymbolicLink(path) && !Files.exists(path)) {
            return new BadInputException(
                    path.toString(),
                    "is a link to " + target(path) + ", which is not there",
                    "download the file again, or mend the link");
        }
        if (Files.exists(path) && !Files.isDirectory(path)) {
            return new BadInputException(
                    path.toString(),
                    "is a pipe or a device",
                    "give a file: it is read from any place in it");
        }
        return new BadInputException(path.toString(), "there is no such file", "check the path");
    }

    private static String target(Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException e) {
            return "what cannot be read";
        }
    }

    /** The error for a file whose bytes do not come. */
    public static BadInputException unreadable(Path path, IOException e) {
        return new BadInputException(
                path.toString(), "cannot be read: " + e, "check the file and its permissions");
    }

    /** Where the file is. */
    public Path path() {
        return path;
    }

    /** Its size in bytes. */
    public long size() throws IOException {
        return channel.size();
    }

    /**
     * Reads a part.
     *
     * @param position from the first byte
     * @param dst native memory or a byte array, filled whole
     * @throws CorruptDataException when the file ends within the part
     */
    public void read(long position, MemorySegment dst) throws IOException {
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

    /**
     * The bytes of a part, read as they are asked for.
     *
     * @param from the first byte
     * @param to behind the last one
     */
    public InputStream stream(long from, long to) {
        return new Part(from, to);
    }

    private final class Part extends InputStream {
        private final long end;
        private long position;

        private Part(long position, long end) {
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
