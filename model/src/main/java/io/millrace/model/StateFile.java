package io.millrace.model;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.StateSlot;
import io.millrace.memory.TensorSlot;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.WeightFile;
import io.millrace.model.file.WeightFiles;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The states of a run's update rule beside the weights of a checkpoint, open for reading. Weights
 * without them are of no use to the run, so both are saved as one; no other program needs them.
 * Reads may come from any thread.
 */
public final class StateFile implements AutoCloseable {
    /** Its name in the checkpoint's folder. */
    public static final String NAME = "states.safetensors";

    /** How much of a state is read at once: whole elements of every dtype. */
    private static final long PIECE_BYTES = 16L << 20;

    private final SafetensorsFile file;

    private StateFile(SafetensorsFile file) {
        this.file = file;
    }

    /**
     * Opens the states of a checkpoint, and checks their names, shapes and dtypes.
     *
     * @param folder of the checkpoint
     * @param layout of the blocks that will be read
     * @throws BadInputException when they are missing, damaged, or of another rule
     */
    public static StateFile open(Path folder, ModelLayout layout) {
        Path path = folder.resolve(NAME);
        if (!Files.isRegularFile(path)) {
            throw refused(folder, "lacks " + NAME + ", the states of its run's update rule");
        }
        SafetensorsFile file = SafetensorsFile.open(path);
        try {
            for (SafetensorsWriter.Entry wanted : entries(layout)) {
                TensorInfo found =
                        file.find(wanted.name())
                                .orElseThrow(() ->
                                        refused(folder, "has no state '" + wanted.name() + "'"));
                if (!found.format().equals(wanted.format())
                        || !found.shape().equals(wanted.shape())) {
                    throw refused(
                            folder,
                            "has state '"
                                    + wanted.name()
                                    + "' as "
                                    + found.format().name()
                                    + found.shape()
                                    + " where the run keeps "
                                    + wanted.format().name()
                                    + wanted.shape());
                }
            }
            return new StateFile(file);
        } catch (RuntimeException e) {
            file.close();
            throw e;
        }
    }

    private static BadInputException refused(Path folder, String fault) {
        return new BadInputException(
                folder.toString(), fault, "remove this folder to go on without it");
    }

    /**
     * Refuses a base one of whose weight files has the name.
     *
     * @throws BadInputException where one does
     */
    public static void requireNameIsFree(Checkpoint base) {
        for (WeightFile weights : base.weights().files()) {
            if (weights.path().getFileName().toString().equals(NAME)) {
                throw new BadInputException(
                        weights.path().toString(),
                        "has the name that checkpoints give to the states of the update rule",
                        "rename the file, there and in " + WeightFiles.INDEX);
            }
        }
    }

    /** The name of a state among those of all tensors. */
    static String name(BlockLayout block, StateSlot slot) {
        return block.tensors().get(slot.tensor()).name() + "." + slot.name();
    }

    /** Where a block's part of a state begins in the whole. */
    private static long firstByte(BlockLayout block, StateSlot slot) {
        return block.tensors().get(slot.tensor()).firstElement() * slot.dtype().sizeBytes();
    }

    /** All states of a layout, in the order in which they lie. */
    public static List<SafetensorsWriter.Entry> entries(ModelLayout layout) {
        List<SafetensorsWriter.Entry> entries = new ArrayList<>();
        for (BlockLayout block : layout.blocks()) {
            for (StateSlot slot : block.states()) {
                TensorSlot tensor = block.tensors().get(slot.tensor());
                if (tensor.isFirst() && slot.elementCount() > 0) {
                    entries.add(
                            new SafetensorsWriter.Entry(
                                    name(block, slot), slot.dtype(), shape(tensor, slot)));
                }
            }
        }
        return entries;
    }

    /** That of the tensor, of which there is a number for each element; else a list. */
    private static List<Long> shape(TensorSlot tensor, StateSlot slot) {
        return slot.ofElements() ? tensor.wholeShape() : List.of(slot.elementCount());
    }

    /** The file, as a folder that is being written has it. */
    public static ModelFolderWriter.Shard shard(ModelLayout layout) {
        return new ModelFolderWriter.Shard(NAME, Map.of(), entries(layout));
    }

    private static List<StateSlot> kept(BlockLayout block) {
        return block.states().stream().filter(slot -> slot.elementCount() > 0).toList();
    }

    /**
     * Writes the states of a block.
     *
     * @param folder that has the shard
     * @param block one of the layout's
     * @param bytes of the block, weights and states
     */
    public static void writeBlock(
            ModelFolderWriter folder, BlockLayout block, MemorySegment bytes) {
        for (StateSlot slot : kept(block)) {
            folder.writeInto(
                    NAME,
                    name(block, slot),
                    firstByte(block, slot),
                    bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()));
        }
    }

    /**
     * Reads the states of a block to their places.
     *
     * @param block one of the layout's
     * @param dst at least the block's size; weights are left as they are
     * @param progress runs after each few megabytes
     */
    public void readBlock(BlockLayout block, MemorySegment dst, Runnable progress) {
        for (StateSlot slot : kept(block)) {
            TensorInfo stored = file.tensor(name(block, slot));
            long first = firstByte(block, slot);
            for (long done = 0; done < slot.sizeBytes(); done += PIECE_BYTES) {
                long part = Math.min(PIECE_BYTES, slot.sizeBytes() - done);
                file.read(stored, first + done, dst.asSlice(slot.offsetBytes() + done, part));
                progress.run();
            }
        }
    }

    /** Closes the file; a second call does nothing. */
    @Override
    public void close() {
        file.close();
    }
}
