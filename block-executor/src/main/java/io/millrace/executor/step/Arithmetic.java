package io.millrace.executor.step;

import io.millrace.executor.companion.LoraStart;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.ModelLayout;
import io.millrace.optim.Rounding;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.direction.MaskedDirection;
import io.millrace.optim.mask.BaseWeights;
import io.millrace.optim.mask.MaskRule;
import io.millrace.optim.update.Shape;
import io.millrace.optim.update.UpdateRule;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a run does to its parameters, whatever computes it, and what its products compute on.
 *
 * @param direction the directions
 * @param momentum whether the update rule has momentum
 * @param programs whether its updates are programs over elements
 * @param rounding how folded parameters are rounded
 * @param foldEvery steps from one rounding into the stored weights to the next
 * @param matmul what products compute on
 * @param shape what becomes of z before a query sees it
 */
public record Arithmetic(
        Direction direction,
        boolean momentum,
        boolean programs,
        Rounding rounding,
        int foldEvery,
        Matmul matmul,
        Optional<Shape> shape) {
    /** Of forwards that tune nothing. */
    public static final Arithmetic PLAIN =
            new Arithmetic(
                    new GaussianDirection(), false, false, Rounding.NEAREST, 1, Matmul.NATIVE);

    /** Of queries that see z itself. */
    public Arithmetic(
            Direction direction,
            boolean momentum,
            boolean programs,
            Rounding rounding,
            int foldEvery,
            Matmul matmul) {
        this(direction, momentum, programs, rounding, foldEvery, matmul, Optional.empty());
    }

    /** Of a run, or of a plan for one. */
    public static Arithmetic of(ArithmeticConfig config) {
        UpdateRule rule = config.rule();
        return new Arithmetic(
                config.direction(),
                rule.hasMomentum(),
                rule.isElementwise(),
                config.rounding(),
                config.foldEvery(),
                config.matmul(),
                rule.shape());
    }

    /**
     * The same over a mask's elements alone.
     *
     * @param rule of the mask; what masks nothing leaves all as it is
     * @param base that the run began from
     * @param tuned the run's tensors
     * @param runSeed what those begin with that are not the base's
     */
    public Arithmetic masked(MaskRule rule, Checkpoint base, RunLayout tuned, long runSeed) {
        return rule.isWhole() || !(direction instanceof DenseDirection dense)
                ? this
                : new Arithmetic(
                        new MaskedDirection(dense, rule.over(weights(base, tuned, runSeed))),
                        momentum,
                        programs,
                        rounding,
                        foldEvery,
                        matmul,
                        shape);
    }

    private static BaseWeights weights(Checkpoint base, RunLayout tuned, long runSeed) {
        return tuned.lora().isPresent()
                ? new StartWeights(new LoraStart(tuned.program(), runSeed), tuned.layout().tuned())
                : new CheckpointWeights(base, tuned.layout());
    }

    private static Stream<TensorSlot> slots(ModelLayout layout) {
        return layout.blocks().stream().flatMap(block -> block.tensors().stream());
    }

    private static List<BaseWeights.Tensor> trained(ModelLayout layout) {
        return slots(layout)
                .filter(TensorSlot::isTrained)
                .map(slot ->
                        new BaseWeights.Tensor(slot.name(), slot.tensorId(), slot.elementCount()))
                .toList();
    }

    /** The tensors of an adapter as they begin. */
    private record StartWeights(LoraStart start, ModelLayout layout) implements BaseWeights {
        @Override
        public List<Tensor> tensors() {
            return trained(layout);
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
    }

    /** The trained tensors of a run, read from its base a piece at a time. */
    private record CheckpointWeights(Checkpoint base, ModelLayout layout) implements BaseWeights {
        private static final int PIECE = 1 << 18; // elements

        @Override
        public List<Tensor> tensors() {
            return trained(layout);
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
    }
}
