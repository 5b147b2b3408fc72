package io.millrace.executor.config;

/** What an evaluation computes. */
public enum Metric {
    /** Mean cross-entropy over the labelled tokens. */
    LOSS,
    /** The share of examples for which the right label word is the likeliest; and the loss. */
    ACCURACY
}
