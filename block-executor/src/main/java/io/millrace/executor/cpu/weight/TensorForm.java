package io.millrace.executor.cpu.weight;

import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.step.Floats;
import io.millrace.memory.DType;

/**
 * One tensor as a query sees it: θ + s z for each of its scales, or θ itself, formed piece by piece
 * on the thread of the worker that asks.
 */
public interface TensorForm {
    /** Elements of one piece: long enough to hide its start, short enough to share evenly. */
    int ELEMENTS_PER_TASK = 32 * 1024;

    /**
     * Forms consecutive elements.
     *
     * @param first the first element
     * @param count how many
     * @param place where the first scale's go
     * @param stride elements from one scale's to the next
     * @param worker the calling worker
     */
    void range(long first, long count, Floats place, long stride, int worker);

    /** Forms some columns of every row of a matrix, contiguous. */
    void columns(int from, int count, Floats place, long stride, int worker);

    /**
     * Whether a panel of a matrix can be formed {@link #turned}, in which order it is multiplied
     * with sooner. It follows from the tensor and the panel's extents alone.
     *
     * @param rows of the panel
     * @param type that products read
     */
    default boolean turns(int rows, DType type) {
        return false;
    }

    /**
     * Forms some rows of a matrix as {@link io.millrace.memory.TileReader#turned} has them.
     *
     * @param row the first
     * @param rows how many, that {@link #turns}
     * @param place where the first scale's go
     * @param stride elements from one scale's to the next
     * @param worker the calling worker
     */
    default void turned(int row, int rows, Floats place, long stride, int worker) {
        throw new UnsupportedOperationException(this + " is formed row by row");
    }

    /** Forms all elements of a tensor, shared among the workers. */
    static void whole(WorkerPool pool, TensorForm form, long elements, Floats place, long stride) {
        share(
                pool,
                elements,
                (first, count, worker) ->
                        form.range(first, count, place.at(first), stride, worker));
    }

    /** Shares a tensor's elements among the workers. */
    static void share(WorkerPool pool, long elements, Piece piece) {
        int tasks = Math.toIntExact((elements + ELEMENTS_PER_TASK - 1) / ELEMENTS_PER_TASK);
        pool.parallelFor(
                tasks,
                Operator.FORM,
                (index, worker) -> {
                    long first = (long) index * ELEMENTS_PER_TASK;
                    piece.run(first, Math.min(ELEMENTS_PER_TASK, elements - first), worker);
                });
    }

    /** Work on consecutive elements. */
    interface Piece {
        void run(long first, long count, int worker);
    }
}
