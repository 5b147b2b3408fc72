package io.millrace.model.adapter;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.ModelFolderWriter;
import io.millrace.model.ModelLayout;
import io.millrace.model.StateFile;
import io.millrace.model.TunedWriter;
import io.millrace.model.file.SafetensorsWriter;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes what a run has trained beside a model into the run's folder, or that of a checkpoint, as
 * PEFT loads it. Nothing has its final name before {@link #commit}; what a crash in its midst
 * leaves has no {@code adapter_config.json}.
 */
public final class TrainedAdapterWriter implements TunedWriter {
    private final ModelLayout layout;
    private final AdapterTensors tensors;
    private final ModelFolderWriter folder;
    private final boolean keepsStates;

    private TrainedAdapterWriter(
            ModelLayout layout,
            AdapterTensors tensors,
            ModelFolderWriter folder,
            boolean keepsStates) {
        this.layout = layout;
        this.tensors = tensors;
        this.folder = folder;
        this.keepsStates = keepsStates;
    }

    /**
     * Begins a folder.
     *
     * @param directory made where it does not exist
     * @param layout of the companions
     * @param adapter what the companions are
     * @param base what the model is loaded by
     * @param notes strings that the weights' header has beside {@code format}
     * @param states whether the folder has the layout's states too
     * @throws BadInputException when the folder cannot take it, or has other weights
     */
    public static TrainedAdapterWriter create(
            Path directory,
            ModelLayout layout,
            Adapter adapter,
            String base,
            Map<String, String> notes,
            boolean states) {
        AdapterTensors tensors = new AdapterTensors(adapter::place);
        boolean keepsStates = states && layout.stateBytes() > 0;
        Map<String, String> metadata = new HashMap<>(notes);
        metadata.putAll(SafetensorsWriter.PT_METADATA);
        List<ModelFolderWriter.Shard> files = new ArrayList<>();
        files.add(
                new ModelFolderWriter.Shard(
                        AdapterWriter.WEIGHTS, metadata, tensors.entries(layout)));
        if (keepsStates) {
            files.add(StateFile.shard(layout));
        }
        ModelFolderWriter folder =
                ModelFolderWriter.create(
                        DurableFiles.system(),
                        directory,
                        AdapterWriter.CONFIG,
                        files,
                        Map.of(AdapterWriter.CONFIG, adapter.config(base)));
        return new TrainedAdapterWriter(layout, tensors, folder, keepsStates);
    }

    @Override
    public void writeBlock(int block, MemorySegment bytes) {
        BlockLayout companion = layout.block(block);
        for (TensorSlot slot : companion.tensors()) {
            tensors.write(slot, bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()), folder::write);
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
