package io.millrace.executor.place;

import io.millrace.memory.BadInputException;
import io.millrace.memory.file.DurableFiles;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where a run's block store is: {@code blocks.json} in the run's folder, and {@code owner.json} in
 * the store's, so that either finds the other after a stop, wherever a folder was moved and
 * whatever options the run goes on with.
 */
public final class StoreRecord {
    private static final String NAME = "blocks.json";
    private static final String PATH = "path";
    private static final String OTHERS = "others";
    private static final String INSIDE = "blocks";

    private final Path runFolder;

    public StoreRecord(Path runFolder) {
        this.runFolder = runFolder;
    }

    /** The store that is inside the run's own folder, where nothing else was asked for. */
    public static Path inside(Path runFolder) {
        return runFolder.resolve(INSIDE);
    }

    /** The record's own file. */
    public static Path file(Path runFolder) {
        return runFolder.resolve(NAME);
    }

    /**
     * Where the store is that was left, if there is one.
     *
     * @throws BadInputException where the record cannot be read
     */
    public Optional<Path> find() {
        Path place =
                read().map(fields -> fields.string(PATH, ""))
                        .filter(path -> !path.isEmpty())
                        .map(Path::of)
                        .orElse(inside(runFolder));
        return BlockStore.isStore(place)
                ? Optional.of(place.toAbsolutePath().normalize())
                : Optional.empty();
    }

    private Optional<JsonObject> read() {
        Path file = file(runFolder);
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try {
            return Optional.of(Json.parseObject(Files.readString(file)));
        } catch (IOException | JsonFormatException e) {
            throw new BadInputException(
                    file.toString(),
                    "cannot be read (" + e.getMessage() + ")",
                    "remove it: the run rebuilds its blocks from base and journal");
        }
    }

    /** Removes the stores that a stop has left between the making of one and the use of another. */
    public void removeOthers() {
        Optional<JsonObject> fields = read().filter(record -> record.has(OTHERS));
        if (fields.isEmpty()) {
            return;
        }
        Optional<Path> current = find();
        for (Object other : fields.get().array(OTHERS)) {
            Path place = Path.of(other.toString());
            // A kill may have left a part of one, or its empty folder.
            if (Files.isDirectory(place)
                    && current.filter(store -> isSame(store, place)).isEmpty()) {
                BlockStore.delete(place);
            }
        }
        write(current, List.of());
    }

    /** Whether a run's store, if there is one, is this. */
    public boolean names(Path store) {
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

    /**
     * Says where the store is from now on, and which others may be on some drive until that is said
     * anew; durable when this returns.
     */
    void write(Optional<Path> store, List<Path> others) {
        Map<String, Object> fields = new LinkedHashMap<>();
        store.filter(place -> !isSame(place, inside(runFolder)))
                .ifPresent(
                        place -> fields.put(PATH, place.toAbsolutePath().normalize().toString()));
        if (!others.isEmpty()) {
            fields.put(
                    OTHERS,
                    others.stream()
                            .map(place -> place.toAbsolutePath().normalize().toString())
                            .toList());
        }
        if (fields.isEmpty()) {
            remove();
        } else {
            replace(file(runFolder), fields);
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
