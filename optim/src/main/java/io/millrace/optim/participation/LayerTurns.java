package io.millrace.optim.participation;

/** In what order layers have their turn. */
public enum LayerTurns {
    /** From the last to the first. */
    DESCENDING,
    /** From the first to the last. */
    ASCENDING,
    /** In an order that each round draws anew, by the run's seed. */
    RANDOM
}
