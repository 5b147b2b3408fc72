package io.millrace.executor.journal;

import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.param.FactorKernels;
import io.millrace.executor.cpu.param.FactorTrack;
import io.millrace.executor.step.DivergedException;
import io.millrace.executor.step.LowRankSize;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.model.adapter.LowRankProduct;
import io.millrace.model.adapter.TallMatrix;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.update.Update;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What all steps of a low-rank run have made of one tensor after another. A matrix has changed by
 * {@code Σ L Vᵀ / √r} over the windows: the factors of all windows side by side are those of the
 * whole change. Memory is taken for one tensor, and the next has it then.
 */
final class RunFactors implements AutoCloseable {
    private static final int TASK_FLOATS = 1 << 15;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final LowRankDirection direction;
    private final boolean momentum;
    private final UpdateLog updates;
    private final WorkerPool pool;
    private final HostSlab slab;
    private final FactorKernels[] kernels;
    private final float[][] buffers;
    private final int windows;

    /**
     * Memory for any of some tensors.
     *
     * @param direction of the run
     * @param momentum whether its rule keeps N
     * @param updates all of the run, at least one
     * @param tensors that will be asked for
     * @param pool does the work
     * @param memory where factors lie
     */
    RunFactors(
            LowRankDirection direction,
            boolean momentum,
            UpdateLog updates,
            List<TensorSlot> tensors,
            WorkerPool pool,
            HostMemory memory) {
        this.direction = direction;
        this.momentum = momentum;
        this.updates = updates;
        this.pool = pool;
        windows = windows(direction, updates.lastStep());
        int scratch = Math.max(TASK_FLOATS, direction.rank());
        kernels =
                IntStream.range(0, pool.workers())
                        .mapToObj(_ -> new FactorKernels(direction.rank()))
                        .toArray(FactorKernels[]::new);
        buffers = new float[pool.workers()][scratch];
        long most = tensors.stream().mapToLong(this::floats).max().orElseThrow();
        slab = memory.allocate("the factors of a tensor", most * Float.BYTES);
    }

    private static int windows(LowRankDirection direction, long steps) {
        return Math.toIntExact(Math.ceilDiv(steps, direction.window()));
    }

    /** The rank of what a run of so many steps makes of a matrix. */
    static int rank(LowRankDirection direction, long steps) {
        return Math.multiplyExact(direction.rank(), windows(direction, steps));
    }

    private int rank() {
        return rank(direction, updates.lastStep());
    }

    private long floats(TensorSlot slot) {
        if (!LowRankSize.isMatrix(slot)) {
            return slot.elementCount();
        }
        long rows = LowRankSize.rowsOf(slot);
        return (rows + LowRankSize.columnsOf(slot)) * rank()
                + rows * direction.rank() * (momentum ? 2 : 1);
    }

    /** Bytes of memory that it takes. */
    long bytes() {
        return slab.sizeBytes();
    }

    /**
     * The change of a matrix, until the next tensor is asked for.
     *
     * @param slot the matrix
     * @param block the block that it lies in
     * @throws DivergedException where the change is not finite
     */
    LowRankProduct of(TensorSlot slot, int block) {
        long rows = LowRankSize.rowsOf(slot);
        long columns = LowRankSize.columnsOf(slot);
        TallMatrix left = new TallMatrix(slice(0, rows * rank()), rows, rank());
        TallMatrix right = new TallMatrix(slice(rows * rank(), columns * rank()), columns, rank());
        long used = (rows + columns) * rank();
        long gathered = rows * direction.rank();
        FactorTrack track =
                FactorTrack.ofMatrix(
                        direction,
                        direction.window(),
                        slot.tensorId(),
                        rows,
                        columns,
                        slice(used, gathered),
                        momentum
                                ? Optional.of(slice(used + gathered, gathered))
                                : Optional.empty());
        List<Update> all = updates.after(0, block);
        for (int window = 0; window < windows; window++) {
            long last = lastStep(window);
            int column = window * direction.rank();
            move(track, all, last, direction.rank());
            share(
                    rows,
                    direction.rank(),
                    (worker, from, to) -> spreadLeft(track, worker, from, to, left, column));
            share(
                    columns,
                    direction.rank(),
                    (worker, from, to) -> spreadRight(slot, last, worker, from, to, right, column));
        }
        return new LowRankProduct(left, right);
    }

    /**
     * The change of a tensor that takes dense directions, element by element.
     *
     * @param slot the tensor
     * @param block the block that it lies in
     */
    double[] ofVector(TensorSlot slot, int block) {
        double[] change = new double[Math.toIntExact(slot.elementCount())];
        MemorySegment sums = slice(0, change.length);
        FactorTrack track =
                FactorTrack.ofVector(
                        direction, direction.window(), slot.tensorId(), change.length, sums);
        List<Update> all = updates.after(0, block);
        for (int window = 0; window < windows; window++) {
            move(track, all, lastStep(window), 1);
            for (int i = 0; i < change.length; i++) {
                change[i] += sums.get(FLOAT, (long) i * Float.BYTES);
            }
        }
        return change;
    }

    private long lastStep(int window) {
        return Math.min((window + 1L) * direction.window(), updates.lastStep());
    }

    private MemorySegment slice(long firstFloat, long floats) {
        return slab.segment().asSlice(firstFloat * Float.BYTES, floats * Float.BYTES);
    }

    /** Brings a track to a step of its window, over whose end it begins anew. */
    private void move(FactorTrack track, List<Update> all, long last, int width) {
        track.aim(last);
        while (track.step() < last) {
            FactorTrack.Leg leg =
                    track.leg(all.subList((int) track.step(), (int) last), kernels[0]);
            share(
                    track.rows(),
                    width,
                    (worker, from, to) -> kernels[worker].advance(track, leg, from, to));
            track.complete(leg);
        }
    }

    /** A part of the rows of a factor. */
    private interface Rows {
        void run(int worker, long from, long to);
    }

    private void share(long rows, int width, Rows work) {
        long each = Math.max(1, TASK_FLOATS / width);
        pool.parallelFor(
                Math.toIntExact(Math.ceilDiv(rows, each)),
                (task, worker) -> work.run(worker, task * each, Math.min(rows, (task + 1) * each)));
    }

    /** Puts {@code L / √r} into its columns, as a fold makes it. */
    private void spreadLeft(
            FactorTrack track, int worker, long from, long to, TallMatrix left, int column) {
        int rank = direction.rank();
        float[] values = buffers[worker];
        int count = (int) (to - from) * rank;
        MemorySegment.copy(track.left(), FLOAT, from * rank * Float.BYTES, values, 0, count);
        float factor = direction.scale();
        for (int i = 0; i < count; i++) {
            values[i] *= factor;
            if (!Float.isFinite(values[i])) {
                throw new DivergedException(
                        "by step "
                                + track.step()
                                + " a matrix has changed by numbers that are not finite, and no"
                                + " adapter is made; lower --lr or --eps and start again");
            }
        }
        spread(values, from, to, left, column);
    }

    private void spreadRight(
            TensorSlot slot,
            long step,
            int worker,
            long from,
            long to,
            TallMatrix right,
            int column) {
        int rank = direction.rank();
        float[] values = buffers[worker];
        int count = (int) (to - from) * rank;
        direction.fillRight(step, slot.tensorId(), from * rank, values, 0, count);
        spread(values, from, to, right, column);
    }

    private void spread(float[] values, long from, long to, TallMatrix factor, int column) {
        int rank = direction.rank();
        for (long row = from; row < to; row++) {
            factor.set(row, column, values, (int) (row - from) * rank, rank);
        }
    }

    @Override
    public void close() {
        slab.close();
    }
}
