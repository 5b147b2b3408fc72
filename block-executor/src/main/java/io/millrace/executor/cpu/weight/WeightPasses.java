package io.millrace.executor.cpu.weight;

import io.millrace.executor.cpu.op.CpuWorkers;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.optim.estimate.Query;
import java.util.List;

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
     * A tensor as queries see it that go through a block together. Of forms of matrices the last
     * one made is valid.
     *
     * @param visit the block
     * @param tensor index of the tensor in the block
     * @param queries the directions and scales
     * @param store whether a pass over the whole tensor writes back what is folded
     */
    TensorForm form(HostVisit visit, int tensor, List<Query> queries, boolean store);

    /** Folds the updates that are due into a whole tensor, forming nothing. */
    void fold(HostVisit visit, int tensor);

    /**
     * The most scales of queries that go through a block together; 0 where each query goes alone.
     */
    default int scalesAtOnce() {
        return 0;
    }

    /** Products with weights along the direction. */
    LinearProgram linear(CpuWorkers workers, Scratch scratch);

    /** Frees the memory that updates are gathered in. */
    @Override
    void close();
}
