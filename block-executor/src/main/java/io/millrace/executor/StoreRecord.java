package io.millrace.executor;

import io.millrace.memory.BadInputException;
import io.millrace.memory.file.DurableFiles;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * Where a run's block store is: {@code blocks.json} in the run's folder, and {@code owner.json} in
 * the store's, so that either finds the other after a stop, wherever a folder was moved and
 * whatever options the run goes on with.
 */
final class StoreRecord {
    private static final String NAME = "blocks.json";
    private static final String PATH = "path";
    private static final String INSIDE = "blocks";

    private final Path runFolder;

    StoreRecord(Path runFolder) {
        this.runFolder = runFolder;
    }

    /** The store that is inside the run's own folder, where nothing else was asked for. */
    static Path inside(Path runFolder) {
        return runFolder.resolve(INSIDE);
    }

    /** The record's own file. */
    static Path file(Path runFolder) {
        return runFolder.resolve(NAME);
    }

    /**
     * Where the store is that was left, if there is one.
     *
     * @throws BadInputException where the record cannot be read
     */
    Optional<Path> find() {
        Path file = file(runFolder);
        Path place = inside(runFolder);
        if (Files.isRegularFile(file)) {
            try {
                place = Path.of(Json.parseObject(Files.readString(file)).string(PATH));
            } catch (IOException | JsonFormatException e) {
                throw new BadInputException(
                        file.toString(),
                        "cannot be read (" + e.getMessage() + ")",
                        "remove it: the run rebuilds its blocks from base and journal");
            }
        }
        return BlockStore.isStore(place)
                ? Optional.of(place.toAbsolutePath().normalize())
                : Optional.empty();
    }

    /** Whether a run's store, if there is one, is this. */
    boolean names(Path store) {
        return find().filter(place -> isSame(place, store)).isPresent();
    }

    /** Whether two paths lead to one folder, however they are spelled. */
    static boolean isSame(Path one, Path other) {
        try {
            return one.equals(other)
                    || (Files.exists(one) && Files.exists(other) && Files.isSameFile(one, other));
        } catch (IOException e) {
            throw new UncheckedIOException(one + " cannot be compared with " + other, e);
        }
    }

    /** Says where the store is from now on; durable when this returns. */
    void write(Path store) {
        try {
            if (isSame(store, inside(runFolder))) {
                Files.deleteIfExists(file(runFolder));
                return;
            }
            String place = store.toAbsolutePath().normalize().toString();
            replace(file(runFolder), Map.of(PATH, place));
        } catch (IOException e) {
            throw new UncheckedIOException(file(runFolder) + " cannot be written", e);
        }
    }

    /** Says in a store's folder whose it is. */
    void writeOwner(Path store, long identity) {
        Map<String, Object> owner =
                Map.of(
                        "run",
                        runFolder.toAbsolutePath().normalize().toString(),
                        "identity",
                        String.format("0x%016x", identity));
        replace(BlockStore.ownerFile(store), owner);
    }

    private static void replace(Path file, Map<String, Object> fields) {
        byte[] text = Json.writePretty(fields).getBytes(StandardCharsets.UTF_8);
        DurableFiles.system().replace(file, text);
    }

    /** There is no store any more. */
    void remove() {
        try {
            Files.deleteIfExists(file(runFolder));
        } catch (IOException e) {
            throw new UncheckedIOException(file(runFolder) + " cannot be removed", e);
        }
    }
}
