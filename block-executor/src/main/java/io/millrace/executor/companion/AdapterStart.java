package io.millrace.executor.companion;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.model.ModelLayout;
import io.millrace.model.ProgramTensors;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.program.Op;
import io.millrace.model.spec.SideSpec;
import io.millrace.model.spec.TensorSpec;
import io.millrace.optim.random.GaussianStream;
import io.millrace.optim.random.Philox4x32;
import io.millrace.optim.random.SplitMix64;
import io.millrace.optim.random.StreamIds;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What companions have in them before the first step: a pure function of the run's seed. PEFT's
 * default of a LoRA, Kaiming-uniform with a = √5, is uniform within ± 1 / √inputs for A, and 0 for
 * B.
 */
public final class AdapterStart implements CompanionSource {
    private static final double HALF_RANGE = 0x1p31;
    private static final int WORDS = 4;

    private final Map<String, TensorSpec> specs = new HashMap<>();
    private final Map<String, DrawnFactor> windows = new HashMap<>(); // by their first factors
    private final long runSeed;
    private final DrawnTokens tokens;

    /**
     * The start of a run.
     *
     * @param program says what each tensor begins with
     * @param runSeed the run's seed
     * @param tokens what begins as the model has tokens
     */
    public AdapterStart(ModelProgram program, long runSeed, DrawnTokens tokens) {
        this.runSeed = runSeed;
        this.tokens = tokens;
        ProgramTensors.beside(program).stream()
                .flatMap(List::stream)
                .forEach(tensor -> specs.put(tensor.name(), tensor));
        List<String> trained =
                specs.values().stream()
                        .filter(TensorSpec::isTrainable)
                        .map(TensorSpec::name)
                        .sorted(ModelLayout.BYTEWISE)
                        .toList();
        program.ops()
                .flatMap(Op::products)
                .flatMap(linear -> linear.side().stream())
                .filter(side -> side.windows().isPresent())
                .forEach(side ->
                        windows.put(
                                side.first(),
                                new DrawnFactor(
                                        side.windows().get(), trained.indexOf(side.second()))));
    }

    /**
     * The right factors of windows.
     *
     * @param windows rank and steps of each
     * @param tensorId of what is trained beside them
     */
    private record DrawnFactor(SideSpec.Windows windows, int tensorId) {}

    @Override
    public long read(BlockLayout companion, MemorySegment bytes) {
        for (TensorSlot slot : companion.tensors()) {
            fill(slot, bytes.asSlice(slot.offsetBytes(), slot.sizeBytes()));
        }
        return 0;
    }

    /**
     * Fills one tensor.
     *
     * @param slot its name, its id and its shape
     * @param values float32, all of its elements
     */
    public void fill(TensorSlot slot, MemorySegment values) {
        TensorSpec spec = specs.get(slot.name());
        switch (spec.initial()) {
            case ZERO -> values.fill((byte) 0);
            case ONE -> {
                for (long element = 0; element < slot.elementCount(); element++) {
                    values.setAtIndex(ValueLayout.JAVA_FLOAT, element, 1);
                }
            }
            case FAN_IN -> fanIn(slot, values);
            case WINDOWS -> windows(slot, values);
            case NORMAL -> normal(slot, (float) spec.deviation(), values);
            case EMBEDDINGS, ACTIVATIONS -> drawn(slot, values);
            case NOISE, BUFFER ->
                    throw new IllegalArgumentException(
                            slot.name() + " begins as a tensor of a model");
        }
    }

    /** The rows of a window are the columns of its V [inputs, rank], which its first step keys. */
    private void windows(TensorSlot slot, MemorySegment values) {
        DrawnFactor factor = windows.get(slot.name());
        int rank = factor.windows.rank();
        int inputs = Math.toIntExact(slot.shape().getLast());
        float[] v = new float[rank * inputs];
        for (int window = 0; window < slot.shape().getFirst() / rank; window++) {
            long seed = SplitMix64.output(runSeed, (long) window * factor.windows.steps() + 1);
            GaussianStream.fill(StreamIds.LOW_RANK_V, seed, factor.tensorId, 0, v, 0, v.length);
            for (int column = 0; column < rank; column++) {
                long row = ((long) window * rank + column) * inputs;
                for (int input = 0; input < inputs; input++) {
                    values.setAtIndex(
                            ValueLayout.JAVA_FLOAT, row + input, v[input * rank + column]);
                }
            }
        }
    }

    private void drawn(TensorSlot slot, MemorySegment values) {
        float[] rows = tokens.rows(slot.name());
        MemorySegment.copy(rows, 0, values, ValueLayout.JAVA_FLOAT, 0, rows.length);
    }

    private void normal(TensorSlot slot, float deviation, MemorySegment values) {
        float[] z = new float[Math.toIntExact(slot.elementCount())];
        GaussianStream.fill(StreamIds.ADAPTER_START, runSeed, slot.tensorId(), 0, z, 0, z.length);
        for (int element = 0; element < z.length; element++) {
            values.setAtIndex(ValueLayout.JAVA_FLOAT, element, deviation * z[element]);
        }
    }

    private void fanIn(TensorSlot slot, MemorySegment values) {
        double bound = 1 / Math.sqrt(slot.shape().getLast());
        int[] words = new int[WORDS];
        for (long element = 0; element < slot.elementCount(); element++) {
            int word = (int) (element % WORDS);
            if (word == 0) {
                Philox4x32.block(
                        runSeed, element / WORDS, slot.tensorId(), StreamIds.ADAPTER_START, words);
            }
            double unit = (Integer.toUnsignedLong(words[word]) + 0.5) / HALF_RANGE - 1;
            values.setAtIndex(ValueLayout.JAVA_FLOAT, element, (float) (unit * bound));
        }
    }
}
