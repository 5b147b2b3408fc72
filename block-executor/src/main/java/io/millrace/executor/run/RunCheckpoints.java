package io.millrace.executor.run;

import io.millrace.memory.BadInputException;
import io.millrace.memory.file.DurableFiles;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
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
    private static final String FOLDED = "folded_through";
    private static final String IDENTITY = "identity";
    private static final String MEND = "remove this folder to go on without it";
    private static final String CHECKSUMS = "block_crc32c";

    private final DurableFiles files;
    private final Path folder;

    RunCheckpoints(Path runFolder) {
        this(DurableFiles.system(), runFolder);
    }

    RunCheckpoints(DurableFiles files, Path runFolder) {
        this.files = files;
        folder = folder(runFolder);
    }

    /** Where a run's checkpoints are. */
    static Path folder(Path runFolder) {
        return runFolder.resolve("checkpoints");
    }

    /**
     * A whole checkpoint.
     *
     * @param path the model folder
     * @param foldedThrough the last step that its weights hold
     * @param checksums CRC-32C of each block's tensors; empty where none were kept
     * @param identity of the run; empty where it was not kept
     */
    record Saved(
            Path path, long foldedThrough, List<Integer> checksums, Optional<String> identity) {
        /** Whether it is the model that a finished run has left, and no checkpoint. */
        boolean isModel() {
            return identity.isEmpty() && Files.isRegularFile(path.resolve("config.json"));
        }

        /**
         * Holds it to the run that is to go on from it.
         *
         * @throws BadInputException where it is of another run, or newer than its journal
         */
        void require(long runIdentity, long lastStep) {
            if (identity.filter(one -> !one.equals(hex(runIdentity))).isPresent()) {
                throw new BadInputException(
                        path.toString(), "is a checkpoint of another run", MEND);
            }
            if (foldedThrough > lastStep) {
                throw new BadInputException(
                        path.toString(),
                        "holds step " + foldedThrough + ", and the journal ends with " + lastStep,
                        "restore the newer journal, or " + MEND);
            }
        }
    }

    /** Where the weights as of a step go. */
    Path place(long foldedThrough) {
        return folder.resolve(PREFIX + foldedThrough);
    }

    /**
     * Makes a folder, whose weights are on the disk, count; older ones are removed, but for those
     * that are to stay.
     *
     * @param checksums CRC-32C of each block's tensors, or none
     * @param identity of the run
     * @param kept the newest that stay, this one among them; 0 for this one alone
     */
    void mark(long foldedThrough, List<Integer> checksums, long identity, int kept) {
        Path place = place(foldedThrough);
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put(FOLDED, foldedThrough);
        fields.put(IDENTITY, hex(identity));
        fields.put(CHECKSUMS, checksums.stream().map(one -> Integer.toUnsignedLong(one)).toList());
        String mark = Json.write(fields) + "\n";
        files.replace(place.resolve(MARK), mark.getBytes(StandardCharsets.UTF_8));
        List<Path> stay = new ArrayList<>(newest(Math.max(1, kept)));
        stay.add(place);
        removeOthers(stay);
    }

    /** The newest of those that count. */
    private List<Path> newest(int count) {
        return Leftovers.entries(folder).stream()
                .filter(entry -> Files.isRegularFile(entry.resolve(MARK)))
                .map(RunCheckpoints::read)
                .sorted(Comparator.comparingLong(Saved::foldedThrough).reversed())
                .limit(count)
                .map(Saved::path)
                .toList();
    }

    /** Folders whose mark is missing: the weights in them may not be whole. */
    List<Path> unmarked() {
        return Leftovers.entries(folder).stream()
                .filter(entry -> !Files.isRegularFile(entry.resolve(MARK)))
                .toList();
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
        removeOthers(List.of());
        files.delete(folder);
    }

    private void removeOthers(List<Path> kept) {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try (Stream<Path> entries = Files.list(folder)) {
            entries.filter(entry -> !kept.contains(entry))
                    .toList()
                    .forEach(entry -> files.deleteMarked(entry, MARK));
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be read", e);
        }
    }

    private static String hex(long identity) {
        return String.format("0x%016x", identity);
    }

    private static Saved read(Path path) {
        try {
            JsonObject mark = Json.parseObject(Files.readString(path.resolve(MARK)));
            List<Integer> checksums = new ArrayList<>();
            if (mark.has(CHECKSUMS)) {
                for (Object one : mark.array(CHECKSUMS)) {
                    checksums.add(((Number) one).intValue());
                }
            }
            Optional<String> identity =
                    mark.has(IDENTITY) ? Optional.of(mark.string(IDENTITY)) : Optional.empty();
            return new Saved(path, mark.integer(FOLDED), checksums, identity);
        } catch (IOException | JsonFormatException e) {
            throw new BadInputException(
                    path.resolve(MARK).toString(),
                    "cannot be read (" + e.getMessage() + ")",
                    "remove the folder " + path + " and resume from the journal alone");
        }
    }
}
