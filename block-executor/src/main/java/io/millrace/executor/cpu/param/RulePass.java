package io.millrace.executor.cpu.param;

import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;
import io.millrace.optim.Rounding;
import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.TensorState;
import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.gradient.Tile;
import io.millrace.optim.gradient.WithMasters;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;

/**
 * The pass over the parameters of a tensor whose gradient is known: widens tiles of them and of
 * their states to float32, runs a rule's passes over the tiles, and stores what the last leaves.
 * Tiles follow from the tensor's shape alone, and what they add up is added in their order, so that
 * the number of workers decides no bit.
 *
 * <p>Where a tensor has float32 master weights as its last state, these are what the rule changes,
 * and the stored weights are those rounded.
 */
public final class RulePass {
    private static final int TILE = 4096;

    private final WorkerPool pool;
    private final GradientRule rule;
    private final List<TensorState> kept;
    private final boolean masters;
    private final Rounding rounding;
    private final Buffers[] buffers;
    private final WholeStored.Room room;

    /** What one worker widens into. */
    private static final class Buffers {
        private StorageCodec codec = new StorageCodec(TILE);
        private float[] parameters = new float[TILE];
        private float[] gradient = new float[TILE];
        private float[][] states = {};

        void reserve(int count, List<TensorState> kept) {
            if (parameters.length < count) {
                codec = new StorageCodec(count);
                parameters = new float[count];
                gradient = new float[count];
                states = new float[][] {};
            }
            if (states.length < kept.size()) {
                states = new float[kept.size()][];
                Arrays.setAll(
                        states,
                        i -> kept.get(i).isOfElements() ? new float[parameters.length] : null);
            }
        }
    }

    /**
     * A pass.
     *
     * @param pool the workers
     * @param rule of the run
     * @param rounding how weights without masters are rounded
     * @param work what the rule asks for of the largest tensor
     */
    public RulePass(WorkerPool pool, GradientRule rule, Rounding rounding, Floats work) {
        this.pool = pool;
        masters = rule instanceof WithMasters;
        this.rule = rule instanceof WithMasters with ? with.rule() : rule;
        this.rounding = rounding;
        kept = this.rule.kept();
        buffers = new Buffers[pool.workers()];
        Arrays.setAll(buffers, _ -> new Buffers());
        room = new WholeStored.Room(pool, work);
    }

    /**
     * Changes a tensor.
     *
     * @param tensor where it lies, with its states
     * @param turn what the rule knows of the step
     * @param gradient float32, as many elements
     * @param factor on the gradient
     */
    public void run(StoredTensor tensor, TensorTurn turn, Floats gradient, float factor) {
        new Call(tensor, turn, gradient, factor).run();
    }

    private final class Call {
        private final StoredTensor tensor;
        private final TensorTurn turn;
        private final Floats gradient;
        private final float factor;
        private final TensorStep step;
        private final long tileSize;
        private final int tiles;
        private final boolean master;
        private final float[][] whole; // states that are not of elements, or null

        Call(StoredTensor tensor, TensorTurn turn, Floats gradient, float factor) {
            this.tensor = tensor;
            this.turn = turn;
            this.gradient = gradient;
            this.factor = factor;
            step = rule.step(turn);
            tileSize = tileSize();
            tiles = Math.toIntExact(Math.ceilDiv(tensor.elements(), tileSize));
            master = masters && tensor.dtype() != DType.F32;
            whole = new float[kept.size()][];
            for (int state = 0; state < kept.size(); state++) {
                if (!kept.get(state).isOfElements() && !rule.wantsWhole()) {
                    whole[state] = load(state);
                }
            }
        }

        private long tileSize() {
            return rule.wantsRows()
                    ? Math.max(1, rule.rowsElements() / turn.columns()) * turn.columns()
                    : (long) Math.ceilDiv(TILE, rule.tileElements()) * rule.tileElements();
        }

        void run() {
            if (rule.wantsWhole()) {
                step.begin(new WholeStored(room, tensor, turn, gradient, factor));
            }
            for (int pass = 0; pass < step.passes(); pass++) {
                int now = pass;
                int length = step.sums(pass);
                double[][] sums = new double[tiles][];
                pool.parallelFor(
                        tiles,
                        Operator.FORM,
                        (tile, worker) -> {
                            sums[tile] = new double[length];
                            tile(now, tile, buffers[worker], sums[tile]);
                        });
                double[] all = new double[length];
                for (int tile = 0; tile < tiles && length > 0; tile++) {
                    for (int i = 0; i < length; i++) {
                        all[i] += sums[tile][i];
                    }
                }
                step.passed(pass, all, whole);
            }
            for (int state = 0; state < kept.size(); state++) {
                if (whole[state] != null) {
                    store(state, whole[state]);
                }
            }
        }

        private void tile(int pass, int index, Buffers own, double[] sums) {
            long first = index * tileSize;
            int count = (int) Math.min(tileSize, tensor.elements() - first);
            own.reserve(count, kept);
            boolean begun = turn.turn() > 1;
            if (master && begun) {
                load(masterState(), first, own, own.parameters, count);
            } else {
                own.codec.load(
                        tensor.bytes(),
                        tensor.offset() + first * tensor.dtype().sizeBytes(),
                        tensor.dtype(),
                        own.parameters,
                        0,
                        count);
            }
            MemorySegment.copy(
                    gradient.segment(),
                    ValueLayout.JAVA_FLOAT,
                    (gradient.start() + first) * Float.BYTES,
                    own.gradient,
                    0,
                    count);
            if (factor != 1f) {
                for (int i = 0; i < count; i++) {
                    own.gradient[i] *= factor;
                }
            }
            float[][] states = new float[kept.size()][];
            for (int state = 0; state < states.length; state++) {
                states[state] = whole[state];
                if (kept.get(state).isOfElements()) {
                    states[state] = own.states[state];
                    if (begun) {
                        load(tensor.states().get(state), first, own, states[state], count);
                    } else {
                        Arrays.fill(states[state], 0, count, 0f);
                    }
                }
            }
            step.tile(pass, new Tile(first, count, own.parameters, own.gradient, states), sums);
            if (pass == step.passes() - 1) {
                leave(first, count, own, states);
            }
        }

        private void leave(long first, int count, Buffers own, float[][] states) {
            for (int state = 0; state < states.length; state++) {
                if (kept.get(state).isOfElements()) {
                    store(tensor.states().get(state), first, own, states[state], count);
                }
            }
            if (master) {
                store(masterState(), first, own, own.parameters, count);
            } else if (rounding == Rounding.STOCHASTIC) {
                StochasticRounding.round(
                        tensor.dtype(),
                        turn.seed(),
                        tensor.tensorId(),
                        tensor.firstElement() + first,
                        own.parameters,
                        0,
                        count);
            }
            own.codec.store(
                    tensor.bytes(),
                    tensor.offset() + first * tensor.dtype().sizeBytes(),
                    tensor.dtype(),
                    own.parameters,
                    0,
                    count);
        }

        private StoredState masterState() {
            return tensor.states().getLast();
        }

        private void load(StoredState state, long first, Buffers own, float[] to, int count) {
            load(state, first, own.codec, to, count);
        }

        private void load(
                StoredState state, long first, StorageCodec codec, float[] to, int count) {
            long offset = state.offset() + first * state.dtype().sizeBytes();
            if (state.dtype() == DType.U8) {
                ByteStates.load(tensor.bytes(), offset, to, count);
            } else {
                codec.load(tensor.bytes(), offset, state.dtype(), to, 0, count);
            }
        }

        private void store(StoredState state, long first, Buffers own, float[] from, int count) {
            store(state, first, own.codec, from, count);
        }

        private void store(
                StoredState state, long first, StorageCodec codec, float[] from, int count) {
            long offset = state.offset() + first * state.dtype().sizeBytes();
            if (state.dtype() == DType.U8) {
                ByteStates.store(tensor.bytes(), offset, from, count);
            } else {
                codec.store(tensor.bytes(), offset, state.dtype(), from, 0, count);
            }
        }

        private float[] load(int state) {
            float[] all = new float[size(state)];
            if (turn.turn() > 1) {
                StorageCodec codec = new StorageCodec(all.length);
                load(tensor.states().get(state), 0, codec, all, all.length);
            }
            return all;
        }

        private void store(int state, float[] all) {
            StorageCodec codec = new StorageCodec(all.length);
            store(tensor.states().get(state), 0, codec, all, all.length);
        }

        private int size(int state) {
            return Math.toIntExact(kept.get(state).extent().of(turn.shape()));
        }
    }
}
