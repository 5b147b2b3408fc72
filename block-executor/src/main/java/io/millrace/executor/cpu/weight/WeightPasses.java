package io.millrace.executor.cpu.weight;

import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.optim.estimate.Query;

/**
 * How a direction is run: what its queries see of a block's weights, how products with them are
 * made, and how its updates come into the stored bytes.
 */
public interface WeightPasses extends AutoCloseable {
    /** The workers. */
    WorkerPool pool();

    /** Steps from one rounding into the stored weights to the next. */
    int foldEvery();

    /**
     * A tensor as a query sees it. Of forms of matrices the last one made is valid.
     *
     * @param visit the block
     * @param tensor index of the tensor in the block
     * @param query the direction and scales
     * @param store whether a pass over the whole tensor writes back what is folded
     */
    TensorForm form(HostVisit visit, int tensor, Query query, boolean store);

    /** Folds the updates that are due into a whole tensor, forming nothing. */
    void fold(HostVisit visit, int tensor);

    /** Products with weights along the direction. */
    LinearProgram linear(CpuWorkers workers, Scratch scratch);

    /** Frees the memory that updates are gathered in. */
    @Override
    void close();
}
