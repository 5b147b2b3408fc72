package io.millrace.executor;

import io.millrace.memory.BadInputException;
import io.millrace.memory.file.DurableFiles;
import io.millrace.memory.file.FolderLock;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/** The output folder of one run, held by one process at a time. */
final class RunFolder implements AutoCloseable {
    private static final String LOCK = ".millrace.lock";
    private static final String JOURNAL = "journal.jsonl";

    /** No header is as long as this. */
    private static final int HEADER_LIMIT = 1 << 16;

    private final DurableFiles files;
    private final Path folder;
    private final FolderLock lock;

    private RunFolder(DurableFiles files, Path folder, FolderLock lock) {
        this.files = files;
        this.folder = folder;
        this.lock = lock;
    }

    /**
     * Opens a folder for a run; makes it where it is missing.
     *
     * @param folder the run's output
     * @param resume whether to go on with the run that the folder holds
     * @throws BadInputException when it is in use, cannot be written, holds something else, or has
     *     nothing to resume; nothing in it is changed then
     */
    static RunFolder open(Path folder, boolean resume) {
        return open(DurableFiles.system(), folder, resume);
    }

    static RunFolder open(DurableFiles files, Path folder, boolean resume) {
        boolean journal = Files.isRegularFile(folder.resolve(JOURNAL));
        if (resume && !journal) {
            throw new BadInputException(
                    "--resume", folder + " has no " + JOURNAL, "leave --resume out to start a run");
        }
        if (!resume && holdsAnything(folder)) {
            throw new BadInputException(
                    "--out",
                    journal ? folder + " holds a run already" : folder + " is not empty",
                    journal
                            ? "add --resume to go on, or give another folder"
                            : "give another folder");
        }
        try {
            files.createFolders(folder);
            FolderLock lock = FolderLock.tryTake(folder, LOCK).orElseThrow(() -> inUse(folder));
            RunFolder opened = new RunFolder(files, folder, lock);
            try {
                if (!resume && isTornHeader(opened.journal())) {
                    files.disk().delete(opened.journal());
                }
                return opened;
            } catch (IOException e) {
                lock.close();
                throw e;
            }
        } catch (UncheckedIOException e) {
            throw notWritable(folder, e.getCause());
        } catch (IOException e) {
            throw notWritable(folder, e);
        }
    }

    private static BadInputException inUse(Path folder) {
        return new BadInputException(
                "--out",
                folder + " is in use by another run",
                "wait for it to end, or give another folder");
    }

    private static BadInputException notWritable(Path folder, IOException cause) {
        return new BadInputException(
                "--out",
                folder + " cannot be written (" + cause.getMessage() + ")",
                "give a folder on a disk that can be written");
    }

    Path folder() {
        return folder;
    }

    Path journal() {
        return folder.resolve(JOURNAL);
    }

    Path metrics() {
        return folder.resolve("metrics.jsonl");
    }

    /**
     * Where changed blocks go that memory does not hold.
     *
     * @param nvmeDir a folder for the stores of any number of runs; inside this one where empty
     */
    Path store(Optional<Path> nvmeDir) {
        if (nvmeDir.isEmpty()) {
            return folder.resolve("blocks");
        }
        CRC32C name = new CRC32C();
        name.update(
                folder.toAbsolutePath().normalize().toString().getBytes(StandardCharsets.UTF_8));
        return nvmeDir.get().resolve(String.format("run-%08x", name.getValue()));
    }

    /** Writes {@code run.json}: what a second run needs to be the same. */
    void writeRunFile(Map<String, Object> fields) {
        byte[] text = Json.writePretty(fields).getBytes(StandardCharsets.UTF_8);
        files.replace(folder.resolve("run.json"), text);
    }

    /** Lets another process have the folder. */
    @Override
    public void close() {
        lock.close();
    }

    private static boolean holdsAnything(Path folder) {
        if (!Files.exists(folder)) {
            return false;
        }
        if (!Files.isDirectory(folder)) {
            throw new BadInputException("--out", folder + " is a file", "give a folder");
        }
        try (Stream<Path> entries = Files.list(folder)) {
            for (Path entry : entries.toList()) {
                // What a run leaves that was refused, or killed before its header was whole.
                boolean counts =
                        !entry.getFileName().toString().equals(LOCK) && !isTornHeader(entry);
                if (counts) {
                    return true;
                }
            }
            return false;
        } catch (IOException e) {
            throw new BadInputException(
                    "--out",
                    folder + " cannot be read (" + e.getMessage() + ")",
                    "give another folder");
        }
    }

    private static boolean isTornHeader(Path entry) throws IOException {
        if (!entry.getFileName().toString().equals(JOURNAL) || !Files.isRegularFile(entry)) {
            return false;
        }
        try (InputStream in = Files.newInputStream(entry)) {
            byte[] start = in.readNBytes(HEADER_LIMIT);
            for (byte character : start) {
                if (character == '\n') {
                    return false;
                }
            }
            return start.length < HEADER_LIMIT;
        }
    }
}
