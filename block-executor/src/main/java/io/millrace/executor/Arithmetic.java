package io.millrace.executor;

import io.millrace.optim.GaussianDirection;
import io.millrace.optim.Rounding;

/**
 * What a run does to its parameters, whatever computes it.
 *
 * @param direction the name of the directions
 * @param rounding how folded parameters are rounded
 * @param foldEvery steps from one rounding into the stored weights to the next
 */
record Arithmetic(String direction, Rounding rounding, int foldEvery) {
    /** Of forwards that tune nothing. */
    static final Arithmetic PLAIN =
            new Arithmetic(GaussianDirection.NAME, Rounding.NEAREST, 1);
}
