package io.millrace.optim.journal;

import io.millrace.memory.file.Disk;
import io.millrace.memory.file.DiskFile;
import io.millrace.memory.file.DurableFiles;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Journals as bytes, where the same run has several: how far they are alike, and what one lacks.
 */
public final class JournalCopy {
    private static final int CHUNK = 1 << 16;

    private JournalCopy() {}

    /**
     * The SHA-256 of a file's first bytes.
     *
     * @param bytes how many; the file has as many
     */
    public static String digest(Path file, long bytes) {
        MessageDigest sha = sha256();
        if (bytes > 0) {
            try (InputStream in = new DigestInputStream(Files.newInputStream(file), sha)) {
                long left = bytes;
                byte[] chunk = new byte[CHUNK];
                while (left > 0) {
                    int read = in.read(chunk, 0, (int) Math.min(CHUNK, left));
                    if (read < 0) {
                        throw new IOException("it is shorter than it was");
                    }
                    left -= read;
                }
            } catch (IOException e) {
                throw new UncheckedIOException(file + " cannot be read", e);
            }
        }
        return HexFormat.of().formatHex(sha.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    /** Some of a file's bytes. */
    public static byte[] part(Path file, long from, long end) {
        try (InputStream in = Files.newInputStream(file)) {
            in.skipNBytes(from);
            byte[] part = in.readNBytes(Math.toIntExact(end - from));
            if (part.length < end - from) {
                throw new IOException("it is shorter than it was");
            }
            return part;
        } catch (IOException e) {
            throw new UncheckedIOException(file + " cannot be read", e);
        }
    }

    /**
     * Puts lines behind a journal's whole ones, on the disk when this returns.
     *
     * @param file made where it is missing
     * @param wholeBytes bytes of its whole lines, 0 where it is missing; what is behind them goes
     * @param lines whole ones, that follow
     */
    public static void extend(Path file, long wholeBytes, byte[] lines) {
        Disk disk = Disk.system();
        try (DiskFile out = wholeBytes == 0 ? disk.overwrite(file) : disk.open(file)) {
            out.truncate(wholeBytes);
            out.write(ByteBuffer.wrap(lines), wholeBytes);
            out.force();
            disk.syncFolder(file.toAbsolutePath().getParent());
        } catch (IOException e) {
            throw DurableFiles.failed("copying a journal to", file, e);
        }
    }
}
