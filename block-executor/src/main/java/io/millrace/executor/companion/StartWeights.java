package io.millrace.executor.companion;

import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.optim.mask.BaseWeights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * The tensors of an adapter as they begin.
 *
 * @param start what they begin with
 * @param layout of the adapter's tensors
 * @param base of the run, whose lists of indices serve here too
 */
public record StartWeights(AdapterStart start, ModelLayout layout, BaseWeights base)
        implements BaseWeights {
    @Override
    public List<Tensor> tensors() {
        return layout.blocks().stream()
                .flatMap(block -> block.tensors().stream())
                .filter(TensorSlot::isTrained)
                .map(slot -> new Tensor(slot.name(), slot.tensorId(), slot.shape()))
                .toList();
    }

    @Override
    public void read(Tensor tensor, Reader reader) {
        TensorSlot slot = layout.find(tensor.name()).orElseThrow().slot();
        float[] values = new float[Math.toIntExact(tensor.elements())];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(slot.sizeBytes(), Float.BYTES);
            start.fill(slot, bytes);
            MemorySegment.copy(bytes, ValueLayout.JAVA_FLOAT, 0, values, 0, values.length);
        }
        reader.take(values, values.length);
    }

    @Override
    public Map<String, long[]> lists(Path path) {
        return base.lists(path);
    }
}
