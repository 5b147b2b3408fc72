package io.millrace.executor;

import io.millrace.executor.cpu.WorkerPool;
import io.millrace.optim.DenseDirection;
import io.millrace.optim.ParameterPass;
import io.millrace.optim.PassPlan;
import io.millrace.optim.PendingUpdates;
import io.millrace.optim.Rounding;
import io.millrace.optim.StoredTensor;
import java.lang.foreign.MemorySegment;

/** The workers' fold-and-perturb passes, and the sharing of long ones among them. */
final class WeightPasses {
    // One pass of a worker: long enough to hide its start, short enough to share a matrix evenly.
    private static final int ELEMENTS_PER_TASK = 32 * 1024;
    private static final MemorySegment[] NO_OUTPUTS = {};
    private static final long[] NO_OFFSETS = {};

    private final WorkerPool pool;
    private final Worker[] workers;
    private final int foldEvery;

    /**
     * Passes for every worker of a pool.
     *
     * @param pool the workers
     * @param direction makes z
     * @param rounding how folded weights are rounded
     * @param foldEvery steps from one rounding into the stored weights to the next
     * @param scales the most scales that a probe has
     */
    WeightPasses(
            WorkerPool pool,
            DenseDirection direction,
            Rounding rounding,
            int foldEvery,
            int scales) {
        this.pool = pool;
        this.foldEvery = foldEvery;
        workers = new Worker[pool.workers()];
        for (int worker = 0; worker < workers.length; worker++) {
            workers[worker] = new Worker(new ParameterPass(direction, rounding), scales);
        }
    }

    WorkerPool pool() {
        return pool;
    }

    int foldEvery() {
        return foldEvery;
    }

    /** Folds a whole tensor, writing nothing else. */
    void fold(StoredTensor tensor, PendingUpdates pending) {
        PassPlan plan = PassPlan.reading(pending, true);
        share(
                tensor.elements(),
                (first, count, worker) ->
                        workers[worker].pass.range(
                                tensor, plan, first, count, NO_OUTPUTS, NO_OFFSETS));
    }

    /** Forms a whole tensor, shared among the workers. */
    void formWhole(StoredTensor tensor, PassPlan plan, Floats place, long stride) {
        share(
                tensor.elements(),
                (first, count, worker) ->
                        formRange(tensor, plan, first, count, place.at(first), stride, worker));
    }

    /**
     * Forms consecutive elements on the calling thread.
     *
     * @param place where the first scale's go
     * @param stride elements from one scale's to the next
     * @param worker the calling worker
     */
    void formRange(
            StoredTensor tensor,
            PassPlan plan,
            long first,
            long count,
            Floats place,
            long stride,
            int worker) {
        Worker own = workers[worker];
        own.aim(plan, place, stride);
        own.pass.range(tensor, plan, first, count, own.outputs(plan), own.offsets(plan));
    }

    /** Forms some columns of every row of a matrix, contiguous, on the calling thread. */
    void formColumns(
            StoredTensor tensor,
            PassPlan plan,
            long columns,
            long columnFrom,
            long columnCount,
            Floats place,
            long stride,
            int worker) {
        Worker own = workers[worker];
        own.aim(plan, place, stride);
        own.pass.rectangle(
                tensor,
                plan,
                columns,
                0,
                tensor.elements() / columns,
                columnFrom,
                columnCount,
                own.outputs(plan),
                own.offsets(plan));
    }

    private void share(long elements, RangeTask task) {
        int tasks = Math.toIntExact((elements + ELEMENTS_PER_TASK - 1) / ELEMENTS_PER_TASK);
        pool.parallelFor(
                tasks,
                (index, worker) -> {
                    long first = (long) index * ELEMENTS_PER_TASK;
                    task.run(first, Math.min(ELEMENTS_PER_TASK, elements - first), worker);
                });
    }

    private interface RangeTask {
        void run(long first, long count, int worker);
    }

    /** One worker's pass and the arrays that say where its outputs go. */
    private static final class Worker {
        private final ParameterPass pass;
        private final MemorySegment[][] outputs;
        private final long[][] offsets;

        Worker(ParameterPass pass, int scales) {
            this.pass = pass;
            outputs = new MemorySegment[scales + 1][];
            offsets = new long[scales + 1][];
            for (int count = 0; count <= scales; count++) {
                outputs[count] = new MemorySegment[count];
                offsets[count] = new long[count];
            }
        }

        void aim(PassPlan plan, Floats place, long stride) {
            int count = plan.outputs();
            for (int scale = 0; scale < count; scale++) {
                outputs[count][scale] = place.segment();
                offsets[count][scale] = (place.start() + scale * stride) * Float.BYTES;
            }
        }

        MemorySegment[] outputs(PassPlan plan) {
            return outputs[plan.outputs()];
        }

        long[] offsets(PassPlan plan) {
            return offsets[plan.outputs()];
        }
    }
}
