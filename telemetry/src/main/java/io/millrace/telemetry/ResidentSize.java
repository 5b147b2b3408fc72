package io.millrace.telemetry;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/** The resident bytes of this process, read again and again without allocating. */
public final class ResidentSize implements AutoCloseable {
    private static final Path AUXILIARY = Path.of("/proc/self/auxv");
    private static final long AT_PAGESZ = 6; // elf.h

    private final RandomAccessFile statm;
    private final byte[] text = new byte[256];
    private final long pageBytes;

    /**
     * Opens what the kernel tells of this process.
     *
     * @throws UncheckedIOException where {@code /proc} cannot be read
     */
    public ResidentSize() {
        try {
            pageBytes = pageBytes(Files.readAllBytes(AUXILIARY));
            statm = new RandomAccessFile("/proc/self/statm", "r");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Bytes now. */
    public long bytes() {
        try {
            statm.seek(0);
            int length = statm.read(text);
            return secondNumber(text, length) * pageBytes;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Of {@code size resident shared …}, the second. */
    static long secondNumber(byte[] text, int length) {
        int at = 0;
        while (at < length && text[at] != ' ') {
            at++;
        }
        long value = 0;
        for (at++; at < length && text[at] >= '0' && text[at] <= '9'; at++) {
            value = value * 10 + text[at] - '0';
        }
        return value;
    }

    /** The page size among pairs of native longs. */
    static long pageBytes(byte[] auxiliary) {
        ByteBuffer pairs = ByteBuffer.wrap(auxiliary).order(ByteOrder.nativeOrder());
        while (pairs.remaining() >= 2 * Long.BYTES) {
            long key = pairs.getLong();
            long value = pairs.getLong();
            if (key == AT_PAGESZ) {
                return value;
            }
        }
        throw new IllegalStateException(AUXILIARY + " does not name the page size");
    }

    @Override
    public void close() {
        try {
            statm.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
