package io.millrace.executor.cpu.param;

import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;
import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.gradient.WholeTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * A tensor for a rule that looks at all of it: the gradient is read where it lies, in pieces that a
 * worker's cache holds, and states are read and stored where they lie.
 */
final class WholeStored implements WholeTensor {
    private static final int PIECE = 1 << 12; // rows or columns of a piece of a strip
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT;

    private final Room room;
    private final StoredTensor tensor;
    private final Floats gradient;
    private final float factor;
    private final int rows;
    private final int columns;

    /** What every tensor of a run is looked at with. */
    static final class Room {
        private final WorkerPool pool;
        private final Floats work;
        private final float[][] slabs;
        private final float[][] spares;
        private final float[][][] arrays;

        /**
         * Room for a run.
         *
         * @param work what its rule asks for of the largest tensor
         */
        Room(WorkerPool pool, Floats work) {
            this.pool = pool;
            this.work = work;
            slabs = new float[pool.workers()][0];
            spares = new float[pool.workers()][0];
            arrays = new float[pool.workers()][0][];
        }

        private float[] slab(int worker) {
            if (slabs[worker].length == 0) {
                slabs[worker] = new float[PIECE * STRIP];
                spares[worker] = new float[PIECE * SPARE];
            }
            return slabs[worker];
        }

        private float[][] arrays(int worker, int count) {
            float[][] own = arrays[worker];
            if (own.length < count) {
                int had = own.length;
                own = Arrays.copyOf(own, count);
                for (int i = had; i < count; i++) {
                    own[i] = new float[RANGE];
                }
                arrays[worker] = own;
            }
            return own;
        }
    }

    /**
     * Of a tensor.
     *
     * @param gradient float32, as many elements
     * @param factor on the gradient
     */
    WholeStored(Room room, StoredTensor tensor, TensorTurn turn, Floats gradient, float factor) {
        this.room = room;
        this.tensor = tensor;
        this.gradient = gradient;
        this.factor = factor;
        rows = Math.toIntExact(turn.rows());
        columns = Math.toIntExact(turn.columns());
    }

    @Override
    public void strips(Side side, Strip strip) {
        boolean down = side == Side.COLUMNS;
        int across = down ? columns : rows;
        int along = down ? rows : columns;
        room.pool.parallelFor(
                Math.ceilDiv(across, STRIP),
                Operator.FORM,
                (index, worker) -> {
                    float[] slab = room.slab(worker);
                    int first = index * STRIP;
                    int count = Math.min(STRIP, across - first);
                    for (int from = 0; from < along; from += PIECE) {
                        int inner = Math.min(PIECE, along - from);
                        if (down) {
                            fillDown(from, inner, first, count, slab);
                        } else {
                            fillAcross(first, count, from, inner, slab);
                        }
                        strip.take(first, count, from, inner, slab, room.spares[worker]);
                    }
                });
    }

    private long byteOffset(int row, int column) {
        return (gradient.start() + (long) row * columns + column) * Float.BYTES;
    }

    private void fillDown(int row, int inner, int column, int count, float[] slab) {
        MemorySegment memory = gradient.segment();
        for (int k = 0; k < inner; k++) {
            MemorySegment.copy(memory, FLOAT, byteOffset(row + k, column), slab, k * count, count);
        }
        for (int i = 0; i < inner * count && factor != 1f; i++) {
            slab[i] *= factor;
        }
    }

    private void fillAcross(int row, int count, int column, int inner, float[] slab) {
        MemorySegment memory = gradient.segment();
        for (int one = 0; one < count; one++) {
            long from = byteOffset(row + one, column);
            for (int k = 0; k < inner; k++) {
                slab[k * count + one] = memory.get(FLOAT, from + (long) k * Float.BYTES) * factor;
            }
        }
    }

    @Override
    public void ranges(long count, int arrays, Range range) {
        room.pool.parallelFor(
                Math.toIntExact(Math.ceilDiv(count, (long) RANGE)),
                Operator.FORM,
                (index, worker) -> {
                    long first = (long) index * RANGE;
                    int some = (int) Math.min(RANGE, count - first);
                    range.take(first, some, room.arrays(worker, arrays));
                });
    }

    private long place(int state, long first) {
        StoredState stored = tensor.states().get(state);
        if (stored.dtype() != DType.F32) {
            throw new IllegalArgumentException("state " + state + " is " + stored.dtype());
        }
        return stored.offset() + first * Float.BYTES;
    }

    @Override
    public void load(int state, long first, float[] to, int count) {
        MemorySegment.copy(tensor.bytes(), FLOAT, place(state, first), to, 0, count);
    }

    @Override
    public void store(int state, long first, float[] from, int count) {
        MemorySegment.copy(from, 0, tensor.bytes(), FLOAT, place(state, first), count);
    }

    @Override
    public MemorySegment work() {
        return room.work.segment().asSlice(room.work.start() * Float.BYTES);
    }
}
