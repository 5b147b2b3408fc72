package io.millrace.model;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.file.SafetensorsWriter;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes what a run has changed of a model beside its blocks: alone, as what the run goes on from,
 * or into a model whose other tensors are the base's.
 */
public final class ApartWriter implements TunedWriter {
    /** The file of a checkpoint that has these tensors alone. */
    public static final String WEIGHTS = "tuned.safetensors";

    private static final String MARK = "tuned.json";

    private final ModelLayout layout;
    private final ModelFolderWriter folder;
    private final boolean keepsStates;

    private ApartWriter(ModelLayout layout, ModelFolderWriter folder, boolean keepsStates) {
        this.layout = layout;
        this.folder = folder;
        this.keepsStates = keepsStates;
    }

    /**
     * Begins a checkpoint of these tensors and their states alone.
     *
     * @param layout of the companions
     * @param directory made where it does not exist
     */
    public static TunedWriter checkpoint(ModelLayout layout, Path directory) {
        boolean keepsStates = layout.stateBytes() > 0;
        List<ModelFolderWriter.Shard> files = new ArrayList<>();
        files.add(
                new ModelFolderWriter.Shard(
                        WEIGHTS,
                        SafetensorsWriter.PT_METADATA,
                        layout.blocks().stream()
                                .flatMap(block -> block.tensors().stream())
                                .filter(TensorSlot::isFirst)
                                .map(slot ->
                                        new SafetensorsWriter.Entry(
                                                slot.name(), slot.format(), slot.wholeShape()))
                                .toList()));
        if (keepsStates) {
            files.add(StateFile.shard(layout));
        }
        ModelFolderWriter folder =
                ModelFolderWriter.create(
                        DurableFiles.system(),
                        directory,
                        MARK,
                        files,
                        Map.of(MARK, "{}\n".getBytes(StandardCharsets.UTF_8)));
        return new ApartWriter(layout, folder, keepsStates);
    }

    /**
     * Begins a whole model, of which all other tensors are copied from the base.
     *
     * @param base that was tuned; open until the model is committed
     * @param layout of the model, with companions
     * @param directory made where it does not exist
     */
    public static TunedWriter model(Checkpoint base, ModelLayout layout, Path directory) {
        return new WholeModel(base, layout, CheckpointWriter.create(base, layout, directory));
    }

    private record WholeModel(Checkpoint base, ModelLayout layout, CheckpointWriter writer)
            implements TunedWriter {
        @Override
        public void writeBlock(int block, MemorySegment bytes) {
            for (TensorSlot slot : layout.tuned().block(block).tensors()) {
                writer.writeTensor(slot, 0, bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()));
            }
        }

        @Override
        public void commit() {
            writer.writeAll(base::readTensor, slot -> layout.tuned().find(slot.name()).isEmpty());
            writer.commit();
        }

        @Override
        public void close() {
            writer.close();
        }
    }

    @Override
    public void writeBlock(int block, MemorySegment bytes) {
        BlockLayout companion = layout.block(block);
        for (TensorSlot slot : companion.tensors()) {
            folder.write(
                    slot.name(),
                    slot.firstByte(),
                    bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()));
        }
        if (keepsStates) {
            StateFile.writeBlock(folder, companion, bytes);
        }
    }

    @Override
    public void commit() {
        folder.commit();
    }

    @Override
    public void close() {
        folder.close();
    }
}
