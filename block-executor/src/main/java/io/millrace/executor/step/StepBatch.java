package io.millrace.executor.step;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.optim.estimate.Query;
import java.util.List;

/** Some examples, what is asked of them, and the number a scale that the answers make. */
public interface StepBatch {
    /** Tokens that the first pass takes through the model for each scale. */
    int tokens();

    /** How much the batch counts among others of the same data. */
    long weight();

    /**
     * The objective's value at every scale of every query; lower is better, and NaN stands for
     * answers that are no numbers.
     *
     * @param queries what is asked
     * @param passes takes the examples through the model, once or more often
     */
    List<double[]> values(List<Query> queries, Passes passes);

    /**
     * The examples in micro-batches whose mean loss over all scored rows is the objective's value.
     *
     * @throws IllegalStateException where the objective is another number
     */
    default List<MicroBatch> scored() {
        throw new IllegalStateException("this objective has no gradient");
    }

    /** Passes over the model as it is now. */
    @FunctionalInterface
    interface Passes {
        /**
         * One pass.
         *
         * @param queries the directions and scales
         * @param batches the batch in micro-batches: one that all queries see, or one for each
         * @param sink takes the answers
         */
        void run(List<Query> queries, List<List<MicroBatch>> batches, HeadSink sink);
    }
}
