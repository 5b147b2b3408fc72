package io.millrace.model;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.PackedFormat;
import io.millrace.memory.TensorFormat;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.SideFiles;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.TensorSource;
import io.millrace.model.file.WeightFile;
import io.millrace.model.file.WeightFiles;
import io.millrace.model.file.WeightForm;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Writes a tuned model as a Hugging Face folder with the base's tensor names, shards and side
 * files. Weights come block by block or tensor by tensor, in any order and in parts; buffers and
 * tensors without a use are copied from the base, and a stored copy of a tied head follows the
 * embedding. Nothing has its final name before {@link #commit}; what a crash in its midst leaves of
 * two models has no {@code config.json}. A model has no states; a checkpoint of a run whose update
 * rule keeps some has them in a file of their own, which is seen onto the disk and named with the
 * others. For use by one thread.
 */
public final class CheckpointWriter implements TunedWriter {
    private static final String CONFIG = "config.json";

    /**
     * The order in which {@code save_pretrained} writes tensors: wide dtypes first, then by name.
     */
    private static final Comparator<SafetensorsWriter.Entry> AS_SAVED =
            Comparator.comparingLong(
                            (SafetensorsWriter.Entry entry) -> -entry.format().bytes(List.of()))
                    .thenComparing(SafetensorsWriter.Entry::name, ModelLayout.BYTEWISE);

    private final Checkpoint base;
    private final ModelLayout layout;
    private final ModelFolderWriter folder;
    private final boolean keepsStates;

    private CheckpointWriter(
            Checkpoint base, ModelLayout layout, ModelFolderWriter folder, boolean keepsStates) {
        this.base = base;
        this.layout = layout;
        this.folder = folder;
        this.keepsStates = keepsStates;
    }

    /**
     * Begins a folder.
     *
     * @param base the checkpoint that was tuned; stays open until {@link #commit}
     * @param layout one of the base's layouts: its dtypes are those written, and where they differ
     *     from the base's the configuration's dtype field says so
     * @param directory made where it does not exist; not the base's own
     * @throws BadInputException when the folder cannot take the model
     */
    public static CheckpointWriter create(Checkpoint base, ModelLayout layout, Path directory) {
        return create(DurableFiles.system(), base, layout, directory);
    }

    /**
     * The same on any disk.
     *
     * @param files how the folder reaches it
     * @param base the checkpoint that was tuned
     * @param layout one of the base's layouts
     * @param directory made where it does not exist
     */
    public static CheckpointWriter create(
            DurableFiles files, Checkpoint base, ModelLayout layout, Path directory) {
        return create(files, base, layout, directory, new Form(false, OptionalLong.empty()));
    }

    /**
     * Begins a folder whose weights may be cut into files anew.
     *
     * @param base the checkpoint whose weights they are; stays open until {@link #commit}
     * @param layout one of the base's layouts
     * @param directory made where it does not exist
     * @param form says how they are cut
     * @throws BadInputException when the folder cannot take the model
     */
    public static CheckpointWriter create(
            Checkpoint base, ModelLayout layout, Path directory, WrittenForm form) {
        return create(
                DurableFiles.system(), base, layout, directory, new Form(false, form.shardBytes()));
    }

    /** How a folder differs from the base's. */
    private record Form(boolean keepsStates, OptionalLong shardBytes) {}

    /**
     * Begins a folder that has the layout's states too, if there are any: what a run goes on from.
     *
     * @param base the checkpoint that was tuned; stays open until {@link #commit}
     * @param layout one of the base's layouts
     * @param directory made where it does not exist
     * @throws BadInputException when the folder cannot take it
     */
    public static CheckpointWriter createWithStates(
            Checkpoint base, ModelLayout layout, Path directory) {
        return createWithStates(DurableFiles.system(), base, layout, directory);
    }

    /**
     * The same on any disk.
     *
     * @param files how the folder reaches the disk
     * @param base the checkpoint that was tuned
     * @param layout one of the base's layouts
     * @param directory made where it does not exist
     */
    public static CheckpointWriter createWithStates(
            DurableFiles files, Checkpoint base, ModelLayout layout, Path directory) {
        return create(
                files,
                base,
                layout,
                directory,
                new Form(layout.stateBytes() > 0, OptionalLong.empty()));
    }

    private static CheckpointWriter create(
            DurableFiles files, Checkpoint base, ModelLayout layout, Path directory, Form form) {
        try {
            if (Files.exists(directory) && Files.isSameFile(directory, base.directory())) {
                throw new BadInputException(
                        directory.toString(),
                        "is the folder of the base model",
                        "choose another folder for the tuned model");
            }
            refuseUnits(base, layout);
            List<ModelFolderWriter.Shard> shards =
                    WeightShards.of(shards(base, layout), form.shardBytes());
            List<ModelFolderWriter.Shard> all = new ArrayList<>(shards);
            if (form.keepsStates()) {
                StateFile.requireNameIsFree(base);
                all.add(StateFile.shard(layout));
            }
            ModelFolderWriter folder =
                    ModelFolderWriter.create(
                            files,
                            directory,
                            all,
                            sideFiles(base, layout, shards, form.shardBytes().isPresent()));
            return new CheckpointWriter(base, layout, folder, form.keepsStates());
        } catch (IOException e) {
            throw DurableFiles.failed("reading", base.directory(), e);
        }
    }

    /**
     * Checks before any work that a folder can be made and written, and that its disk has room.
     *
     * @param directory the folder that will be written
     * @param bytesNeeded how much will be
     * @throws BadInputException when not
     */
    public static void checkWritable(Path directory, long bytesNeeded) {
        ModelFolderWriter.checkWritable(directory, bytesNeeded);
    }

    /**
     * Checks before any work that a folder holds nothing that could be written over; what an
     * attempt before left unfinished does not count.
     *
     * @param directory the folder that will be written
     * @throws BadInputException when it does
     */
    public static void checkEmpty(Path directory) {
        ModelFolderWriter.checkEmpty(directory);
    }

    private static List<ModelFolderWriter.Shard> shards(Checkpoint base, ModelLayout layout) {
        WeightFiles weights = base.weights();
        Map<Path, List<SafetensorsWriter.Entry>> byFile = new HashMap<>();
        for (TensorInfo tensor : base.tensors().values()) {
            if (base.isWritten(tensor.name())) {
                for (TensorInfo piece : writtenPieces(base, layout, tensor)) {
                    byFile.computeIfAbsent(piece.file(), _ -> new ArrayList<>())
                            .add(
                                    new SafetensorsWriter.Entry(
                                            piece.name(), piece.format(), piece.shape()));
                }
            }
        }
        List<ModelFolderWriter.Shard> shards = new ArrayList<>();
        for (WeightFile file : weights.files()) {
            List<SafetensorsWriter.Entry> entries =
                    SafetensorsWriter.Entry.whole(byFile.getOrDefault(file.path(), List.of()));
            if (weights.form() == WeightForm.TORCH) {
                if (entries.isEmpty()) {
                    continue; // it had no more than a copy of the head
                }
                entries.sort(AS_SAVED);
            }
            String name = weights.form().written(file.path().getFileName().toString());
            shards.add(new ModelFolderWriter.Shard(name, file.metadata(), entries));
        }
        return shards;
    }

    /** The tensor as it is written: its parts, or itself in the layout's format. */
    private static List<TensorInfo> writtenPieces(
            Checkpoint base, ModelLayout layout, TensorInfo tensor) {
        TensorFormat format = written(base, layout, tensor);
        if (format instanceof PackedFormat) {
            return tensor.parts();
        }
        return List.of(
                new TensorInfo(
                        tensor.file(),
                        tensor.name(),
                        format,
                        tensor.shape(),
                        tensor.offsetBytes(),
                        format.bytes(tensor.shape())));
    }

    private static TensorFormat written(Checkpoint base, ModelLayout layout, TensorInfo tensor) {
        String source =
                base.headCopies().contains(tensor.name())
                        ? base.program().tied().orElseThrow()
                        : tensor.name();
        return layout.find(source).map(place -> place.slot().format()).orElse(tensor.format());
    }

    private static Map<String, byte[]> sideFiles(
            Checkpoint base,
            ModelLayout layout,
            List<ModelFolderWriter.Shard> shards,
            boolean cutAnew)
            throws IOException {
        Map<String, byte[]> files = SideFiles.read(base.directory());
        boolean sharded = cutAnew ? shards.size() > 1 : base.weights().isSharded();
        boolean asPublished =
                base.weights().form() == WeightForm.SAFETENSORS
                        && !base.weights().isRenamed()
                        && !cutAnew
                        && !writesOut(base, layout);
        if (sharded) {
            files.put(
                    WeightFiles.INDEX,
                    asPublished
                            ? Files.readAllBytes(base.directory().resolve(WeightFiles.INDEX))
                            : ModelFolderWriter.index(shards));
        }
        Optional<DType> converted = convertedTo(base, layout);
        if (converted.isPresent()) {
            files.put(
                    CONFIG,
                    retyped(
                            base.config().json(),
                            converted.get(),
                            writesOut(base, layout) ? Set.of("quantization_config") : Set.of()));
            if (sharded) {
                files.put(WeightFiles.INDEX, resized(files.get(WeightFiles.INDEX), shards));
            }
        }
        return files;
    }

    /** The dtype that the layout stores everything in, where the base has another. */
    private static Optional<DType> convertedTo(Checkpoint base, ModelLayout layout) {
        return layout.blocks().stream()
                .flatMap(block -> block.tensors().stream())
                .filter(slot -> !slot.format().equals(base.tensors().get(slot.name()).format()))
                .map(TensorSlot::dtype)
                .findFirst();
    }

    /** Whether what the base has quantised is written plain. */
    private static boolean writesOut(Checkpoint base, ModelLayout layout) {
        return base.tensors().values().stream()
                .anyMatch(tensor ->
                        !(tensor.format() instanceof DType)
                                && written(base, layout, tensor) instanceof DType);
    }

    /** No safetensors file has the types of GGUF. */
    private static void refuseUnits(Checkpoint base, ModelLayout layout) {
        if (base.weights().form() != WeightForm.GGUF) {
            return;
        }
        base.tensors().values().stream()
                .filter(tensor -> !(written(base, layout, tensor) instanceof DType))
                .findFirst()
                .ifPresent(tensor -> {
                    throw new BadInputException(
                            tensor.file().toString(),
                            "'"
                                    + tensor.name()
                                    + "' is of "
                                    + tensor.format().name()
                                    + ", which is not written",
                            "tune an adapter beside it (--tune lora), and merge that");
                });
    }

    private static byte[] retyped(JsonObject config, DType dtype, Set<String> without) {
        Map<String, Object> fields = new LinkedHashMap<>(config.fields());
        fields.keySet().removeAll(without);
        if (fields.containsKey("dtype")) {
            fields.put("dtype", dtype.torchName());
        }
        if (fields.containsKey("torch_dtype") || !fields.containsKey("dtype")) {
            fields.put("torch_dtype", dtype.torchName());
        }
        return Json.writePretty(fields).getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] resized(byte[] index, List<ModelFolderWriter.Shard> shards) {
        try {
            JsonObject json = Json.parseObject(new String(index, StandardCharsets.UTF_8));
            Map<String, Object> fields = new LinkedHashMap<>(json.fields());
            Map<String, Object> metadata = new LinkedHashMap<>();
            json.optionalObject("metadata").ifPresent(old -> metadata.putAll(old.fields()));
            metadata.put("total_size", ModelFolderWriter.totalBytes(shards));
            fields.put("metadata", metadata);
            return Json.writePretty(fields).getBytes(StandardCharsets.UTF_8);
        } catch (JsonFormatException e) {
            throw new BadInputException(
                    WeightFiles.INDEX, e.getMessage(), "use the index of the publication");
        }
    }

    @Override
    public void writeBlock(int block, MemorySegment bytes) {
        BlockLayout blockLayout = layout.block(block);
        for (TensorSlot slot : blockLayout.tensors()) {
            writeTensor(slot, 0, bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()));
        }
        if (keepsStates) {
            StateFile.writeBlock(folder, blockLayout, bytes);
        }
    }

    /**
     * Writes a part of a tensor; each byte is to be written once.
     *
     * @param slot one of the layout's
     * @param offsetBytes where the part begins in the slot
     * @param bytes the part, in the slot's dtype
     */
    public void writeTensor(TensorSlot slot, long offsetBytes, MemorySegment bytes) {
        if (slot.format() instanceof PackedFormat) {
            writeParts(base.tensors().get(slot.name()), offsetBytes, bytes);
            return;
        }
        long offset = slot.firstByte() + offsetBytes;
        folder.write(slot.name(), offset, bytes);
        if (base.program().tied().equals(Optional.of(slot.name()))) {
            base.headCopies().stream()
                    .filter(base::isWritten)
                    .forEach(copy -> folder.write(copy, offset, bytes));
        }
    }

    private void writeParts(TensorInfo tensor, long offsetBytes, MemorySegment bytes) {
        long end = offsetBytes + bytes.byteSize();
        long before = 0;
        for (TensorInfo part : tensor.parts()) {
            long from = Math.max(offsetBytes, before);
            long to = Math.min(end, before + part.sizeBytes());
            if (from < to) {
                folder.write(
                        part.name(), from - before, bytes.asSlice(from - offsetBytes, to - from));
            }
            before += part.sizeBytes();
        }
    }

    /** Writes all tensors of all blocks, taking no more memory than {@link #bufferBytes}. */
    public void writeAll(TensorSource source) {
        writeAll(source, _ -> true);
    }

    /** The same of some tensors alone. */
    void writeAll(TensorSource source, Predicate<TensorSlot> chosen) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(bufferBytes(), BlockLayout.ALIGNMENT);
            for (TensorInfo tensor : base.tensors().values()) {
                layout.find(tensor.name()).stream()
                        .flatMap(layout::slots)
                        .filter(chosen)
                        .forEach(slot -> writeFrom(source, slot, buffer));
            }
        }
    }

    /** The memory that {@link #writeAll} takes. */
    public static int bufferBytes() {
        return Checkpoint.STAGING_BYTES;
    }

    private void writeFrom(TensorSource source, TensorSlot slot, MemorySegment buffer) {
        for (long done = 0; done < slot.sizeBytes(); done += buffer.byteSize()) {
            MemorySegment part =
                    buffer.asSlice(0, Math.min(buffer.byteSize(), slot.sizeBytes() - done));
            source.read(slot, done, part);
            writeTensor(slot, done, part);
        }
    }

    /**
     * Copies what was not tuned, sees everything onto the disk, and gives every file its final
     * name.
     *
     * @throws IllegalStateException when a tensor was not written whole
     */
    @Override
    public void commit() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(bufferBytes(), BlockLayout.ALIGNMENT);
            for (TensorInfo tensor : base.tensors().values()) {
                if (base.isWritten(tensor.name())
                        && layout.find(tensor.name()).isEmpty()
                        && !base.headCopies().contains(tensor.name())) {
                    copy(tensor, buffer);
                }
            }
        }
        folder.commit();
    }

    private void copy(TensorInfo tensor, MemorySegment buffer) {
        for (long done = 0; done < tensor.sizeBytes(); done += buffer.byteSize()) {
            MemorySegment part =
                    buffer.asSlice(0, Math.min(buffer.byteSize(), tensor.sizeBytes() - done));
            base.weights().read(tensor, done, part);
            folder.write(tensor.name(), done, part);
        }
    }

    /** Removes what was not committed; a second call does nothing. */
    @Override
    public void close() {
        folder.close();
    }
}
