package io.millrace.executor.run;

import io.millrace.executor.place.StoreRecord;
import io.millrace.memory.BadInputException;
import io.millrace.memory.file.DurableFiles;
import io.millrace.memory.file.FolderLock;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.mask.MaskFile;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/** The output folder of one run, held by one process at a time. */
final class RunFolder implements AutoCloseable {
    private static final String LOCK = ".millrace.lock";
    private static final String JOURNAL = "journal.jsonl";

    /** No header is as long as this. */
    private static final int HEADER_LIMIT = 1 << 16;

    private static final String RUN = "run.json";
    private static final String RECIPE = "recipe.yaml";
    private static final String METRICS = "metrics.jsonl";

    private final DurableFiles files;
    private final Path folder;
    private final FolderLock lock;
    private final Object key;
    private final List<Path> made; // the folder and those above it, where they were missing

    private RunFolder(DurableFiles files, Path folder, FolderLock lock, List<Path> made)
            throws IOException {
        this.files = files;
        this.folder = folder;
        this.lock = lock;
        this.made = made;
        key = key(folder);
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

    /**
     * Opens the folder of a worker that is not the first, for a copy of what that one keeps: it may
     * have nothing to resume, and what it has of a run without a step is nothing.
     */
    static RunFolder openCopy(Path folder, boolean resume) {
        boolean lacks = !hasSteps(journal(folder));
        List<Path> entries = Leftovers.entries(folder);
        try {
            boolean begun = lacks;
            for (Path entry : entries) {
                begun &= isOfABeginning(entry) || isOfARunThatDidNotBegin(entry);
            }
            if (begun) {
                entries.stream().filter(RunFolder::isOfABeginning).forEach(Leftovers::remove);
            }
        } catch (IOException e) {
            throw notWritable(folder);
        }
        return open(folder, resume && !lacks);
    }

    private static boolean hasSteps(Path journal) {
        try {
            return Files.isRegularFile(journal)
                    && !isTornHeader(journal)
                    && JournalReader.survey(journal).journal().lastStep() > 0;
        } catch (IOException e) {
            throw new UncheckedIOException(journal + " cannot be read", e);
        }
    }

    private static boolean isOfABeginning(Path entry) {
        return List.of(JOURNAL, RUN, RECIPE, METRICS).contains(entry.getFileName().toString());
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
            List<Path> made = missing(folder);
            files.createFolders(folder);
            FolderLock lock = FolderLock.tryTake(folder, LOCK).orElseThrow(() -> inUse(folder));
            try {
                RunFolder opened = new RunFolder(files, folder, lock, made);
                if (!resume && isTornHeader(opened.journal())) {
                    files.disk().delete(opened.journal());
                }
                return opened;
            } catch (IOException e) {
                lock.close();
                throw e;
            }
        } catch (UncheckedIOException | IOException e) {
            throw notWritable(folder);
        }
    }

    private static BadInputException inUse(Path folder) {
        return new BadInputException(
                "--out",
                folder + " is in use by another run",
                "wait for it to end, or give another folder");
    }

    private static BadInputException notWritable(Path folder) {
        return new BadInputException(
                "--out",
                folder + " cannot be made or written",
                "give a folder on a disk that can be written");
    }

    Path folder() {
        return folder;
    }

    Path journal() {
        return journal(folder);
    }

    Path metrics() {
        return metrics(folder);
    }

    static Path journal(Path folder) {
        return folder.resolve(JOURNAL);
    }

    static Path metrics(Path folder) {
        return folder.resolve(METRICS);
    }

    /**
     * Where changed blocks go that memory does not hold.
     *
     * @param nvmeDir a folder for the stores of any number of runs; inside this one where empty
     */
    Path store(Optional<Path> nvmeDir) {
        if (nvmeDir.isEmpty()) {
            return StoreRecord.inside(folder);
        }
        CRC32C name = new CRC32C();
        name.update(
                folder.toAbsolutePath().normalize().toString().getBytes(StandardCharsets.UTF_8));
        return nvmeDir.get().resolve(String.format("run-%08x", name.getValue()));
    }

    /** Writes {@code run.json}: what a second run needs to be the same. */
    void writeRunFile(Map<String, Object> fields) {
        requireInPlace();
        byte[] text = Json.writePretty(fields).getBytes(StandardCharsets.UTF_8);
        files.replace(folder.resolve(RUN), text);
    }

    /** Writes {@code recipe.yaml}: what {@code tune} takes to repeat the run. */
    void writeRecipe(String text) {
        requireInPlace();
        files.replace(folder.resolve(RECIPE), text.getBytes(StandardCharsets.UTF_8));
    }

    /** Keeps a copy of the file that a mask goes by: the journal is nothing without it. */
    void keepMask(Path given) {
        Path copy = MaskFile.copy(journal());
        try {
            if (!Files.exists(copy) || Files.mismatch(copy, given) >= 0) {
                files.createFolders(copy.getParent());
                files.replace(copy, Files.readAllBytes(given));
            }
        } catch (IOException e) {
            throw DurableFiles.failed("copying", given, e);
        }
    }

    /** What {@code run.json} says; empty where there is none that can be read. */
    static Optional<JsonObject> runFile(Path folder) {
        try {
            return Optional.of(Json.parseObject(Files.readString(folder.resolve(RUN))));
        } catch (IOException | JsonFormatException e) {
            return Optional.empty();
        }
    }

    /**
     * Fails where the folder's path leads elsewhere by now: what is saved there would be parted
     * from its journal.
     */
    void requireInPlace() {
        Object now;
        try {
            now = key(folder);
        } catch (IOException e) {
            now = null;
        }
        if (!key.equals(now)) {
            throw new IllegalStateException(
                    folder
                            + " was moved or removed while the run went on; the journal went with"
                            + " it: resume there");
        }
    }

    private static Object key(Path folder) throws IOException {
        return Files.readAttributes(folder, BasicFileAttributes.class).fileKey();
    }

    /**
     * Removes what an earlier stop left half done, and says so: nothing reads it any more.
     *
     * @param log hears a line for each thing that is removed
     */
    void removeLeftovers(Consumer<String> log) {
        for (Path leftover : Leftovers.halfDone(folder)) {
            Leftovers.remove(leftover);
            log.accept("removed " + leftover + ", which a stop had left half done");
        }
    }

    /** The folders that have to be made for one to be there, innermost first. */
    private static List<Path> missing(Path folder) {
        List<Path> missing = new ArrayList<>();
        Path place = folder.toAbsolutePath().normalize();
        while (place != null && !Files.exists(place)) {
            missing.add(place);
            place = place.getParent();
        }
        return missing;
    }

    /** Undoes the making of folders for a run that did not begin. */
    void abandon() {
        try {
            close();
            for (Path folderMade : made) {
                Files.deleteIfExists(folderMade);
            }
        } catch (DirectoryNotEmptyException _) {
            // Somebody else has put something there.
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be removed again", e);
        }
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
                if (!isOfARunThatDidNotBegin(entry)) {
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

    /** What a run leaves that was refused, or killed before the header of its journal was whole. */
    private static boolean isOfARunThatDidNotBegin(Path entry) throws IOException {
        String name = entry.getFileName().toString();
        return name.equals(LOCK)
                || isTornHeader(entry)
                || entry.equals(StoreRecord.file(entry.getParent()))
                || DurableFiles.isPart(entry)
                || (entry.equals(StoreRecord.inside(entry.getParent()))
                        && BlockStore.isStore(entry));
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
