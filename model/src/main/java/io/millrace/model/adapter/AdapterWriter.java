package io.millrace.model.adapter;

import io.millrace.memory.BadInputException;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.CheckpointWriter;
import io.millrace.model.file.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Writes the folder of a LoRA as PEFT loads it. It grows under a name that ends in {@code .part}
 * and has its own only once all of it is on the disk. For use by one thread.
 */
public final class AdapterWriter implements AutoCloseable {
    /** What PEFT reads first. */
    public static final String CONFIG = "adapter_config.json";

    /** The factors. */
    public static final String WEIGHTS = "adapter_model.safetensors";

    // A cache line of each row at once.
    private static final int PIECE_ROWS = 4096;
    private static final int PIECE_COLUMNS = 16;

    private final DurableFiles files;
    private final Path folder;
    private final LoraConfig config;
    private final SafetensorsWriter weights;
    private boolean published;

    private AdapterWriter(
            DurableFiles files, Path folder, LoraConfig config, SafetensorsWriter weights) {
        this.files = files;
        this.folder = folder;
        this.config = config;
        this.weights = weights;
    }

    /**
     * Begins a folder.
     *
     * @param files how it reaches the disk
     * @param folder one that is not there, or is empty
     * @param config of the adapter
     * @param notes strings that the weights' header has beside {@code format}
     * @throws BadInputException when the folder cannot be written
     */
    public static AdapterWriter create(
            DurableFiles files, Path folder, LoraConfig config, Map<String, String> notes) {
        Path whole = folder.toAbsolutePath().normalize();
        checkFree(whole);
        Map<String, String> metadata = new HashMap<>(notes);
        metadata.putAll(SafetensorsWriter.PT_METADATA);
        List<SafetensorsWriter.Entry> tensors =
                config.parts().stream().flatMap(part -> part.entries().stream()).toList();
        CheckpointWriter.checkWritable(
                whole, SafetensorsWriter.fileBytes(metadata, tensors) + config.toJson().length);
        Path part = DurableFiles.part(whole);
        if (Files.exists(part)) {
            remove(files, part);
        }
        files.createFolders(part);
        try {
            SafetensorsWriter weights =
                    SafetensorsWriter.create(files, part.resolve(WEIGHTS), metadata, tensors);
            return new AdapterWriter(files, whole, config, weights);
        } catch (RuntimeException e) {
            removeAfter(files, part, e);
            throw e;
        }
    }

    /**
     * Checks before any work that a folder is not there or is empty.
     *
     * @throws BadInputException when it is not, or what an attempt before left holds other files
     */
    public static void checkFree(Path folder) {
        Path whole = folder.toAbsolutePath().normalize();
        Path part = whole.getFileName() == null ? whole : DurableFiles.part(whole);
        if (Files.exists(whole) && !Files.isDirectory(whole)) {
            throw new BadInputException(
                    folder.toString(), "is not a folder", "choose another folder");
        }
        if (!listed(whole).isEmpty()) {
            throw new BadInputException(folder.toString(), "is not empty", "give another folder");
        }
        if (!names().containsAll(listed(part))) {
            throw new BadInputException(
                    part.toString(),
                    "holds files that are no adapter's",
                    "move it away or give another folder");
        }
    }

    private static Set<String> listed(Path folder) {
        if (!Files.isDirectory(folder)) {
            return Set.of();
        }
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.map(entry -> entry.getFileName().toString()).collect(Collectors.toSet());
        } catch (IOException e) {
            throw DurableFiles.failed("listing", folder, e);
        }
    }

    /** All that an unfinished folder may hold. */
    private static Set<String> names() {
        return Stream.of(CONFIG, WEIGHTS)
                .flatMap(name -> Stream.of(name, DurableFiles.part(Path.of(name)).toString()))
                .collect(Collectors.toSet());
    }

    private static void remove(DurableFiles files, Path part) {
        names().forEach(name -> files.delete(part.resolve(name)));
        files.delete(part);
    }

    private static void removeAfter(DurableFiles files, Path part, RuntimeException cause) {
        try {
            remove(files, part);
        } catch (RuntimeException e) {
            cause.addSuppressed(e);
        }
    }

    /**
     * Writes the factors of one part.
     *
     * @param part one of the configuration's
     * @param change of its matrix, as the checkpoint stores that
     */
    public void write(LoraPart part, LowRankProduct change) {
        TallMatrix outputs = part.isTransposed() ? change.right() : change.left();
        TallMatrix inputs = part.isTransposed() ? change.left() : change.right();
        writeTransposed(part.first(), inputs);
        weights.write(part.second(), outputs.bytes());
    }

    private void writeTransposed(String name, TallMatrix factor) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment piece =
                    arena.allocate((long) PIECE_ROWS * PIECE_COLUMNS * Float.BYTES, Float.BYTES);
            for (long row = 0; row < factor.rows(); row += PIECE_ROWS) {
                int count = (int) Math.min(PIECE_ROWS, factor.rows() - row);
                for (int column = 0; column < factor.columns(); column += PIECE_COLUMNS) {
                    int width = Math.min(PIECE_COLUMNS, factor.columns() - column);
                    factor.transpose(row, count, column, width, piece);
                    for (int j = 0; j < width; j++) {
                        weights.write(
                                name,
                                ((column + j) * factor.rows() + row) * Float.BYTES,
                                piece.asSlice(
                                        (long) j * count * Float.BYTES,
                                        (long) count * Float.BYTES));
                    }
                }
            }
        }
    }

    /** Sees everything onto the disk, then gives the folder its name. */
    public void commit() {
        Path part = DurableFiles.part(folder);
        weights.finish();
        weights.publish();
        files.replace(part.resolve(CONFIG), config.toJson());
        files.publish(folder);
        published = true;
        files.syncFolder(folder.getParent());
    }

    /** Removes what was not committed; a second call does nothing. */
    @Override
    public void close() {
        if (!published) {
            published = true;
            weights.close();
            remove(files, DurableFiles.part(folder));
        }
    }
}
