package io.millrace.memory.file;

import io.millrace.memory.TierFullException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * Files that a crash leaves whole: bytes go to a name ending in {@code .part}, reach the disk, and
 * only then take their final name. All that goes wrong is one error: {@link TierFullException} for
 * a full disk, {@link UncheckedIOException} else.
 *
 * @param disk where they lie
 */
public record DurableFiles(Disk disk) {
    private static final String PART = ".part";

    /** On the file system of this machine. */
    public static DurableFiles system() {
        return new DurableFiles(Disk.system());
    }

    /** The name under which a file grows. */
    public static Path part(Path file) {
        return file.resolveSibling(file.getFileName() + PART);
    }

    /** Whether a file is one that was not finished. */
    public static boolean isPart(Path file) {
        return file.getFileName().toString().endsWith(PART);
    }

    /**
     * Makes a folder, and those above it that are missing; all their names are on the disk then.
     */
    public void createFolders(Path folder) {
        Path leaf = folder.toAbsolutePath().normalize();
        Deque<Path> missing = new ArrayDeque<>();
        for (Path at = leaf; at != null && !Files.isDirectory(at); at = at.getParent()) {
            missing.push(at);
        }
        if (missing.isEmpty()) {
            syncName(leaf);
            return;
        }
        for (Path next : missing) {
            try {
                disk.createFolder(next);
            } catch (FileAlreadyExistsException e) {
                // Another process may make a folder beside the same one meanwhile.
                if (!Files.isDirectory(next)) {
                    throw failed("creating", next, e);
                }
            } catch (IOException e) {
                throw failed("creating", next, e);
            }
            syncFolder(next.getParent());
        }
    }

    /** A folder that is there may be so in the page cache alone, if its maker was just killed. */
    private void syncName(Path folder) {
        Path parent = folder.getParent();
        if (parent != null && Files.isReadable(parent)) {
            syncFolder(parent);
        }
    }

    /** Writes the part of a small file and sees it onto the disk. */
    public void writePart(Path file, byte[] bytes) {
        Path part = part(file);
        try (DiskFile out = disk.overwrite(part)) {
            out.write(ByteBuffer.wrap(bytes), 0);
            out.force();
        } catch (IOException e) {
            throw failed("writing", part, e);
        }
    }

    /** Gives a finished part its final name, in place of what had it; the folder is not synced. */
    public void publish(Path file) {
        try {
            disk.move(part(file), file);
        } catch (IOException e) {
            throw failed("moving into place", file, e);
        }
    }

    /** Writes a small file at one stroke: it is durably what it was, or all of the new. */
    public void replace(Path file, byte[] bytes) {
        try {
            writePart(file, bytes);
            publish(file);
        } catch (RuntimeException e) {
            deletePart(file, e);
            throw e;
        }
        syncFolder(file.toAbsolutePath().getParent());
    }

    private void deletePart(Path file, RuntimeException cause) {
        try {
            disk.delete(part(file));
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    /** Deletes a file or an empty folder, if it is there; the folder around it is not synced. */
    public void delete(Path path) {
        try {
            disk.delete(path);
        } catch (IOException e) {
            throw failed("deleting", path, e);
        }
    }

    /**
     * Deletes a folder that counts as long as one of its files is there: that one is durably gone
     * before any other is touched.
     *
     * @param mark the name of that file
     */
    public void deleteMarked(Path folder, String mark) {
        Path file = folder.resolve(mark);
        if (Files.exists(file)) {
            delete(file);
            syncFolder(folder);
        }
        List<Path> rest;
        try (Stream<Path> files = Files.walk(folder)) {
            rest = files.sorted(Comparator.reverseOrder()).toList();
        } catch (IOException e) {
            throw failed("listing", folder, e);
        }
        rest.forEach(this::delete);
    }

    /** Sees the names in a folder onto the disk. */
    public void syncFolder(Path folder) {
        try {
            disk.syncFolder(folder);
        } catch (IOException e) {
            throw failed("syncing", folder, e);
        }
    }

    /** The error that an IOException on the way to the disk becomes. */
    public static RuntimeException failed(String operation, Path path, IOException cause) {
        String reason = String.valueOf(cause.getMessage()).toLowerCase(Locale.ROOT);
        if (reason.contains("no space left") || reason.contains("quota exceeded")) {
            return new TierFullException(
                    operation + " " + path + ": the disk is full; free some space there");
        }
        return new UncheckedIOException(operation + " " + path, cause);
    }
}
