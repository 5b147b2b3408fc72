package io.millrace.executor.config;

/** How the learning rate goes over the steps that follow the warm-up. */
public enum LrSchedule {
    /** The same rate at every step. */
    CONSTANT,
    /** From the rate down to 0 in a straight line. */
    LINEAR,
    /** From the rate down to 0 along half a cosine. */
    COSINE
}
