package io.millrace.executor.config;

/** How an updated parameter is rounded to the dtype that it is stored in. */
public enum Rounding {
    /** To the nearest value, ties to even. */
    NEAREST,
    /** Up or down at random, so that the mean is right. */
    STOCHASTIC
}
