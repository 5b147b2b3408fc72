package io.millrace.executor.cpu.lowrank;

import io.millrace.executor.cpu.lowrank.LowRankMemory.Gathered;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.param.FactorKernels;
import io.millrace.executor.cpu.param.FactorTrack;
import io.millrace.executor.cpu.param.GramSchmidt;
import io.millrace.executor.cpu.weight.TensorForm;
import io.millrace.optim.direction.FactoredDirection;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** The factors of matrices that stay over a window of steps: made once for each, and kept. */
final class FixedFactors {
    private static final int ROWS_PER_TASK = 512;

    private final WorkerPool pool;
    private final FactoredDirection direction;
    private final LowRankMemory memory;
    private final FactorKernels[] kernels;

    FixedFactors(
            WorkerPool pool,
            FactoredDirection direction,
            LowRankMemory memory,
            FactorKernels[] kernels) {
        this.pool = pool;
        this.direction = direction;
        this.memory = memory;
        this.kernels = kernels;
    }

    /**
     * Those of a matrix in one window.
     *
     * @param left row-major [m, r], where the direction has one
     * @param right transposed, [r, n]; empty where a query makes it
     */
    record Pair(Optional<MemorySegment> left, MemorySegment right) {}

    /** As they are in a step. */
    Pair at(Gathered gathered, long step) {
        long window = direction.windowOf(step);
        if (!gathered.keepsWindow(window)) {
            make(gathered.track(), step, gathered.fixed());
            gathered.keepWindow(window);
        }
        return gathered.fixed();
    }

    /** As they were in a step that is folded: its window may be over, and the next one kept. */
    Pair ofFold(Gathered gathered, long step) {
        if (gathered.keepsWindow(direction.windowOf(step))) {
            return gathered.fixed();
        }
        Pair past = memory.foldFixed();
        make(gathered.track(), step, past);
        return past;
    }

    private void make(FactorTrack track, long step, Pair place) {
        boolean fixesRight = direction.core().fixesRight();
        if (direction.isOrthonormal()) {
            place.left().ifPresent(left -> makeOrthonormal(track, step, true, left));
            if (fixesRight) {
                makeOrthonormal(track, step, false, place.right());
            }
            return;
        }
        place.left()
                .ifPresent(left ->
                        shareRows(
                                pool,
                                track.rows(),
                                (from, to, worker) ->
                                        kernels[worker].left(track, step, from, to, left)));
        if (fixesRight) {
            shareRows(
                    pool,
                    track.columns(),
                    (from, to, worker) ->
                            kernels[worker].right(track, step, from, to, place.right()));
        }
    }

    /** Columns one after another, and of those that come after one a group on each worker. */
    private void makeOrthonormal(FactorTrack track, long step, boolean left, MemorySegment place) {
        MemorySegment q = memory.orthonormal();
        int rank = track.rank();
        int stride = GramSchmidt.stride(rank);
        int rows = Math.toIntExact(left ? track.rows() : track.columns());
        shareRows(
                pool,
                rows,
                (from, to, worker) -> kernels[worker].widen(track, step, left, from, to, q));
        for (int column = 0; column < rank; column++) {
            GramSchmidt.normalize(q, rows, stride, column);
            int done = column;
            int first = (column + 1) / GramSchmidt.COLUMNS;
            pool.parallelFor(
                    stride / GramSchmidt.COLUMNS - first,
                    Operator.FORM,
                    (group, worker) -> GramSchmidt.subtract(q, rows, stride, done, first + group));
        }
        shareRows(
                pool,
                rows,
                (from, to, worker) ->
                        kernels[worker].narrow(rank, q, from, to, place, left ? 0 : rows));
    }

    /** Shares rows of factors among the workers. */
    static void shareRows(WorkerPool pool, long rows, TensorForm.Piece piece) {
        int tasks = Math.toIntExact((rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK);
        pool.parallelFor(
                tasks,
                Operator.FORM,
                (index, worker) -> {
                    long from = (long) index * ROWS_PER_TASK;
                    piece.run(from, Math.min(rows, from + ROWS_PER_TASK), worker);
                });
    }
}
