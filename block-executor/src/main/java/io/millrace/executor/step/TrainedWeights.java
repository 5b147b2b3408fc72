package io.millrace.executor.step;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.optim.mask.BaseWeights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The trained tensors of a run, read from its base a piece at a time.
 *
 * @param base that the run begins from
 * @param layout of the run's tensors
 */
public record TrainedWeights(Checkpoint base, ModelLayout layout) implements BaseWeights {
    private static final int PIECE = 1 << 18; // elements

    @Override
    public List<Tensor> tensors() {
        return slots(layout)
                .filter(slot -> slot.isTrained() && slot.isFirst())
                .map(slot -> new Tensor(slot.name(), slot.tensorId(), slot.wholeShape()))
                .toList();
    }

    @Override
    public void read(Tensor tensor, Reader reader) {
        Map<String, TensorSlot> widened =
                slots(base.layout(DType.F32))
                        .collect(Collectors.toMap(TensorSlot::name, Function.identity()));
        TensorSlot slot = widened.get(tensor.name());
        float[] values = new float[PIECE];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate((long) PIECE * Float.BYTES, Float.BYTES);
            for (long done = 0; done < tensor.elements(); done += PIECE) {
                int count = (int) Math.min(PIECE, tensor.elements() - done);
                MemorySegment part = bytes.asSlice(0, (long) count * Float.BYTES);
                base.readTensor(slot, done * Float.BYTES, part);
                MemorySegment.copy(part, ValueLayout.JAVA_FLOAT, 0, values, 0, count);
                reader.take(values, count);
            }
        }
    }

    @Override
    public Map<String, long[]> lists(Path path) {
        Map<String, long[]> lists = new LinkedHashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            for (TensorInfo list : file.tensors().values()) {
                if (list.format() != DType.I32 && list.format() != DType.I64) {
                    throw new BadInputException(
                            path.toString(),
                            "'" + list.name() + "' is of " + list.format().name(),
                            "write indices as I32 or I64");
                }
                if (list.shape().size() != 1) {
                    throw new BadInputException(
                            path.toString(),
                            "'" + list.name() + "' has the shape " + list.shape(),
                            "write a list of one axis, of elements counted row-major");
                }
                lists.put(list.name(), file.readLongs(list.name()));
            }
        }
        return lists;
    }

    private static Stream<TensorSlot> slots(ModelLayout layout) {
        return layout.blocks().stream().flatMap(block -> block.tensors().stream());
    }
}
