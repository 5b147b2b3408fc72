package io.millrace.optim.estimate;

import java.util.List;

/** What an estimator makes of a round's answers. */
public sealed interface Judgement {
    /**
     * More questions, of the same batch and the same θ: another pass over the model.
     *
     * @param next what is asked now
     */
    record AskMore(Round next) implements Judgement {}

    /**
     * What the step found.
     *
     * @param loss the step's loss, as a reader is shown it
     * @param queries a result for every direction that may have a part in the update
     * @param sums whether the gradient is estimated by the sum over the directions, not the mean
     */
    record Found(double loss, List<QueryResult> queries, boolean sums) implements Judgement {
        /** Freezes the results. */
        public Found {
            queries = List.copyOf(queries);
        }

        /** What is a mean over directions, as of all estimators but few. */
        public Found(double loss, List<QueryResult> queries) {
            this(loss, queries, false);
        }
    }
}
