package io.millrace.executor.config;

import io.millrace.optim.option.OptionTypes;

/** What an evaluation computes. */
public enum Metric {
    /** Mean cross-entropy over the labelled tokens. */
    LOSS,
    /** The share of examples for which the right candidate is the likeliest; and the loss. */
    ACCURACY,
    /** The mean F1 of the words of greedy answers to prompts; and the loss. */
    F1,
    /** The share of greedy answers that are right; and the loss. */
    EXACT_MATCH,
    /** The exponential of the loss. */
    PERPLEXITY;

    /** The name on the command line. */
    public String label() {
        return OptionTypes.spelling(this);
    }

    /** The name of its field in {@code metrics.jsonl}. */
    public String field() {
        return "eval_" + label().replace('-', '_');
    }

    /** Whether less of it is better. */
    public boolean isLoss() {
        return this == LOSS || this == PERPLEXITY;
    }

    /** Whether the model writes answers for it. */
    public boolean wantsAnswers() {
        return this == F1 || this == EXACT_MATCH;
    }
}
