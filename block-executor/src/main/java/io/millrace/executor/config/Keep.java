package io.millrace.executor.config;

/** Which step's weights a run saves in the end. */
public enum Keep {
    /** Those after the last step. */
    LAST,
    /** Those after the evaluated step whose held-out loss was lowest. */
    BEST
}
