package io.millrace.telemetry.track;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Predicate;
import java.util.zip.CRC32C;

/**
 * A file of TFRecords: of each its length (u64), the masked CRC-32C of these eight bytes (u32), its
 * bytes, and their masked CRC-32C (u32), all little-endian. See
 * tensorflow/core/lib/io/record_writer.h.
 */
final class TfRecords implements AutoCloseable {
    private static final int AROUND = Long.BYTES + 2 * Integer.BYTES;
    private static final int MASK = 0xa282ead8;
    private static final int ROTATION = 15;
    private static final long MOST_BYTES = 1 << 24; // far above what an event has

    private final AppendedFile out;

    private TfRecords(AppendedFile out) {
        this.out = out;
    }

    /**
     * Opens a file to append to, made where it is missing.
     *
     * @param kept says of the records that are there which to keep; from the first that is not, or
     *     that is not whole, the file is cut
     */
    static TfRecords append(Path file, Predicate<byte[]> kept) throws IOException {
        long bytes = Files.exists(file) ? keptBytes(file, kept) : 0;
        return new TfRecords(AppendedFile.open(file, bytes));
    }

    private static long keptBytes(Path file, Predicate<byte[]> kept) throws IOException {
        long bytes = 0;
        try (DataInputStream in =
                new DataInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
            byte[] head = new byte[Long.BYTES];
            while (true) {
                in.readFully(head);
                long length = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getLong();
                boolean sound = Integer.reverseBytes(in.readInt()) == maskedCrc(head);
                if (!sound || length < 0 || length > MOST_BYTES) {
                    return bytes;
                }
                byte[] record = new byte[Math.toIntExact(length)];
                in.readFully(record);
                if (Integer.reverseBytes(in.readInt()) != maskedCrc(record) || !kept.test(record)) {
                    return bytes;
                }
                bytes += AROUND + length;
            }
        } catch (EOFException _) {
            return bytes;
        }
    }

    /** Bytes in the file. */
    long size() throws IOException {
        return out.size();
    }

    /** Appends a record, in one write. */
    void write(byte[] record) throws IOException {
        ByteBuffer framed =
                ByteBuffer.allocate(AROUND + record.length).order(ByteOrder.LITTLE_ENDIAN);
        framed.putLong(record.length);
        framed.putInt(maskedCrc(ByteBuffer.wrap(framed.array(), 0, Long.BYTES)));
        framed.put(record).putInt(maskedCrc(record)).flip();
        out.write(framed);
    }

    private static int maskedCrc(byte[] bytes) {
        return maskedCrc(ByteBuffer.wrap(bytes));
    }

    /** A CRC of bytes that hold CRCs themselves tells little: hence the mask. */
    private static int maskedCrc(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return Integer.rotateRight((int) crc.getValue(), ROTATION) + MASK;
    }

    @Override
    public void close() throws IOException {
        out.close();
    }
}
