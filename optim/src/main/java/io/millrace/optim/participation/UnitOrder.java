package io.millrace.optim.participation;

/** In what order the units of a model have their turn. */
public enum UnitOrder {
    /** From the embedding to the head. */
    BOTTOM_UP,
    /** From the head to the embedding. */
    TOP_DOWN,
    /** Shuffled once, by the run's seed. */
    RANDOM
}
