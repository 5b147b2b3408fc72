package io.millrace.executor.run;

/**
 * What an evaluation found.
 *
 * @param loss mean cross-entropy over the labelled tokens
 * @param accuracy share of examples whose right candidate was the likeliest; NaN where the task has
 *     no candidates
 * @param examples examples seen; 0 where only the figures above were kept
 * @param tokens labelled tokens that the loss is a mean of; 0 likewise
 */
public record EvalResult(double loss, double accuracy, long examples, long tokens) {}
