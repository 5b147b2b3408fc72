package io.millrace.executor.run;

import io.millrace.executor.config.Metric;
import java.util.OptionalDouble;

/**
 * What an evaluation found.
 *
 * @param loss mean cross-entropy over the labelled tokens
 * @param accuracy share of examples whose right candidate was the likeliest; NaN where the task has
 *     no candidates
 * @param f1 mean F1 of the words of greedy answers; NaN where none were written
 * @param exactMatch share of greedy answers that are right; NaN likewise
 * @param examples examples seen; 0 where only the figures above were kept
 * @param tokens labelled tokens that the loss is a mean of; 0 likewise
 */
public record EvalResult(
        double loss, double accuracy, double f1, double exactMatch, long examples, long tokens) {
    /** Without answers. */
    public EvalResult(double loss, double accuracy, long examples, long tokens) {
        this(loss, accuracy, Double.NaN, Double.NaN, examples, tokens);
    }

    /** The same with answers. */
    EvalResult withAnswers(double ofF1, double ofExactMatch) {
        return new EvalResult(loss, accuracy, ofF1, ofExactMatch, examples, tokens);
    }

    /** One of its figures; empty where it was not found. */
    public OptionalDouble of(Metric metric) {
        double value =
                switch (metric) {
                    case LOSS -> loss;
                    case ACCURACY -> accuracy;
                    case F1 -> f1;
                    case EXACT_MATCH -> exactMatch;
                    case PERPLEXITY -> Math.exp(loss);
                };
        return Double.isNaN(value) ? OptionalDouble.empty() : OptionalDouble.of(value);
    }
}
