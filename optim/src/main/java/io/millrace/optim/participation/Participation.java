package io.millrace.optim.participation;

import java.util.BitSet;

/**
 * Which of a model's layers have a part in a step: in the others z is 0 and nothing is updated,
 * weight decay included. A pure function of the step's seed, so that a replay needs no more.
 */
public interface Participation {
    /** The name on the command line and in the journal, such as {@code all}. */
    String name();

    /** Whether every layer has a part in every step. */
    default boolean isWhole() {
        return false;
    }

    /**
     * Whether what lies before the first and after the last layer has a part in every step;
     * otherwise it has one in none.
     */
    default boolean hasEnds() {
        return true;
    }

    /**
     * Checks that a model can take it.
     *
     * @param layers how many the model has
     * @throws io.millrace.memory.BadInputException where it cannot
     */
    default void require(int layers) {}

    /**
     * The layers of one step.
     *
     * @param stepSeed the step's seed
     * @param layers how many the model has
     * @return numbers from 0
     */
    BitSet layers(long stepSeed, int layers);
}
