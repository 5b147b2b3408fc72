package io.millrace.executor.companion;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.adapter.peft.StoredAdapter;
import io.millrace.model.adapter.peft.StoredAdapters;
import io.millrace.model.program.ModelProgram;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;

/**
 * An adapter that PEFT or a run saved, beside a model that is only read.
 *
 * @param adapter what the folder has
 * @param program the model with it
 */
public record GivenAdapter(StoredAdapter adapter, ModelProgram program)
        implements CompanionSource, AutoCloseable {
    /**
     * Opens a folder beside its base.
     *
     * @param folder of the adapter
     * @param base folder of the model
     * @throws io.millrace.memory.BadInputException when it is no whole adapter of that base, or has
     *     parts that can only be merged
     */
    public static GivenAdapter open(Path folder, Path base) {
        try (Checkpoint model = Checkpoint.open(base)) {
            StoredAdapter adapter = StoredAdapters.open(folder, model);
            try {
                return new GivenAdapter(adapter, adapter.beside(model.program()));
            } catch (RuntimeException e) {
                adapter.close();
                throw e;
            }
        }
    }

    @Override
    public long read(BlockLayout companion, MemorySegment bytes) {
        for (TensorSlot slot : companion.tensors()) {
            float[] values = new float[Math.toIntExact(slot.elementCount())];
            adapter.read(slot, values);
            MemorySegment.copy(
                    values, 0, bytes, ValueLayout.JAVA_FLOAT, slot.offsetBytes(), values.length);
        }
        return 0;
    }

    @Override
    public void close() {
        adapter.close();
    }
}
