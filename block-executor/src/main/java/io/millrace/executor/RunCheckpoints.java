package io.millrace.executor;

import io.millrace.memory.BadInputException;
import io.millrace.memory.file.DurableFiles;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A run's saved weights under way, each a model folder of its own in {@code checkpoints/}. One
 * counts from the moment that its mark, the last file written, is there; the journal holds all that
 * came after it.
 */
final class RunCheckpoints {
    private static final String MARK = "checkpoint.json";
    private static final String PREFIX = "step-";

    private final DurableFiles files;
    private final Path folder;

    RunCheckpoints(Path runFolder) {
        this(DurableFiles.system(), runFolder);
    }

    RunCheckpoints(DurableFiles files, Path runFolder) {
        this.files = files;
        folder = runFolder.resolve("checkpoints");
    }

    /**
     * A whole checkpoint.
     *
     * @param path the model folder
     * @param foldedThrough the last step that its weights hold
     */
    record Saved(Path path, long foldedThrough) {}

    /** Where the weights as of a step go. */
    Path place(long foldedThrough) {
        return folder.resolve(PREFIX + foldedThrough);
    }

    /** Makes a folder, whose weights are on the disk, count; older ones are removed. */
    void mark(long foldedThrough) {
        Path place = place(foldedThrough);
        String mark = Json.write(Map.of("folded_through", foldedThrough)) + "\n";
        files.replace(place.resolve(MARK), mark.getBytes(StandardCharsets.UTF_8));
        removeOthers(place);
    }

    /** The newest whole checkpoint. */
    Optional<Saved> newest() {
        if (!Files.isDirectory(folder)) {
            return Optional.empty();
        }
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(entry -> Files.isRegularFile(entry.resolve(MARK)))
                    .map(RunCheckpoints::read)
                    .max(Comparator.comparingLong(Saved::foldedThrough));
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be read", e);
        }
    }

    /** Removes what a finished run, or one that begins another checkpoint, needs no more. */
    void removeAll() {
        removeOthers(null);
        files.delete(folder);
    }

    private void removeOthers(Path kept) {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (Stream<Path> entries = Files.list(folder)) {
            entries.filter(entry -> !entry.equals(kept))
                    .toList()
                    .forEach(entry -> files.deleteMarked(entry, MARK));
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be read", e);
        }
    }

    private static Saved read(Path path) {
        try {
            String mark = Files.readString(path.resolve(MARK));
            return new Saved(path, Json.parseObject(mark).integer("folded_through"));
        } catch (IOException | JsonFormatException e) {
            throw new BadInputException(
                    path.resolve(MARK).toString(),
                    "cannot be read (" + e.getMessage() + ")",
                    "remove the folder " + path + " and resume from the journal alone");
        }
    }
}
