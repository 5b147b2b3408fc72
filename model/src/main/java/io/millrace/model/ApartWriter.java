package io.millrace.model;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.ScaledFormat;
import io.millrace.memory.TensorPart;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.file.Elements;
import io.millrace.model.file.SafetensorsWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

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
            BlockLayout companion = layout.tuned().block(block);
            for (TensorSlot slot : companion.tensors()) {
                if (layout.find(slot.name()).isPresent()) {
                    writer.writeTensor(slot, 0, own(slot, bytes));
                }
            }
            for (TensorSlot matrix : layout.block(block).tensors()) {
                scales(matrix).ifPresent(slot -> writeScaled(matrix, own(slot, bytes)));
            }
        }

        private static MemorySegment own(TensorSlot slot, MemorySegment bytes) {
            return bytes.asSlice(slot.offsetBytes(), slot.sizeBytes());
        }

        /** The tuned scales of a matrix. */
        private Optional<TensorSlot> scales(TensorSlot matrix) {
            return ScaleTensors.name(matrix)
                    .flatMap(layout.tuned()::find)
                    .map(ModelLayout.Placement::slot);
        }

        /** The base's codes, and scales rounded to the type that the base has them in. */
        private void writeScaled(TensorSlot matrix, MemorySegment scales) {
            ScaledFormat format = (ScaledFormat) matrix.format();
            TensorPart part = ScaleTensors.part(format);
            long from = format.partOffset(format.scalesPart());
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment buffer =
                        arena.allocate(CheckpointWriter.bufferBytes(), BlockLayout.ALIGNMENT);
                copy(matrix, 0, from, buffer);
                MemorySegment rounded = arena.allocate(part.sizeBytes(), BlockLayout.ALIGNMENT);
                long count = scales.byteSize() / Float.BYTES;
                Elements.convert(scales, DType.F32, rounded, part.dtype(), count);
                writer.writeTensor(matrix, from, rounded);
                copy(matrix, from + part.sizeBytes(), matrix.sizeBytes(), buffer);
            }
        }

        private void copy(TensorSlot matrix, long from, long to, MemorySegment buffer) {
            for (long done = from; done < to; done += buffer.byteSize()) {
                MemorySegment piece = buffer.asSlice(0, Math.min(buffer.byteSize(), to - done));
                base.readTensor(matrix, done, piece);
                writer.writeTensor(matrix, done, piece);
            }
        }

        @Override
        public void commit() {
            writer.writeAll(base::readTensor, this::isUntouched);
            writer.commit();
        }

        private boolean isUntouched(TensorSlot slot) {
            return layout.tuned().find(slot.name()).isEmpty() && scales(slot).isEmpty();
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
