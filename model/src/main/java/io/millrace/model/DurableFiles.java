package io.millrace.model;

import io.millrace.memory.TierFullException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Locale;

/**
 * Files that a crash leaves whole: bytes go to a name ending in {@code .part}, reach the disk, and
 * only then take their final name.
 */
final class DurableFiles {
    private static final String PART = ".part";

    private DurableFiles() {}

    /** The name under which a file grows. */
    static Path part(Path file) {
        return file.resolveSibling(file.getFileName() + PART);
    }

    /** Whether a file is one that was not finished. */
    static boolean isPart(Path file) {
        return file.getFileName().toString().endsWith(PART);
    }

    /** Writes the part of a small file and sees it onto the disk. */
    static void writePart(Path file, byte[] bytes) {
        Path part = part(file);
        try (FileChannel channel =
                FileChannel.open(
                        part,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.TRUNCATE_EXISTING)) {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
            channel.force(true);
        } catch (IOException e) {
            throw failed("writing", part, e);
        }
    }

    /** Gives a finished part its final name, in place of what had it. */
    static void publish(Path file) {
        try {
            Files.move(
                    part(file),
                    file,
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw failed("moving into place", file, e);
        }
    }

    /** Sees the names in a folder onto the disk. */
    static void syncFolder(Path folder) {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            throw failed("syncing", folder, e);
        }
    }

    /** The error that an IOException on the way to the disk becomes. */
    static RuntimeException failed(String operation, Path path, IOException cause) {
        String reason = String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT);
        if (reason.contains("no space left") || reason.contains("quota exceeded")) {
            return new TierFullException(
                    operation + " " + path + ": the disk is full; free some space there");
        }
        return new UncheckedIOException(operation + " " + path, cause);
    }
}
