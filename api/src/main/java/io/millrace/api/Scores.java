package io.millrace.api;

import io.millrace.executor.config.Metric;
import io.millrace.executor.run.EvalResult;
import java.util.OptionalDouble;

/**
 * What an evaluation found; figures that were not asked for, or that the data has nothing for, are
 * empty.
 *
 * @param loss mean cross-entropy over the scored tokens
 * @param accuracy share of examples whose right candidate was the likeliest
 * @param f1 mean F1 of the words of greedy answers
 * @param exactMatch share of greedy answers that are right
 * @param examples how many were looked at
 * @param tokens that were scored
 */
public record Scores(
        double loss,
        OptionalDouble accuracy,
        OptionalDouble f1,
        OptionalDouble exactMatch,
        long examples,
        long tokens) {
    static Scores of(EvalResult result) {
        return new Scores(
                result.loss(),
                result.of(Metric.ACCURACY),
                result.of(Metric.F1),
                result.of(Metric.EXACT_MATCH),
                result.examples(),
                result.tokens());
    }

    /** The exponential of the loss. */
    public double perplexity() {
        return Math.exp(loss);
    }
}
