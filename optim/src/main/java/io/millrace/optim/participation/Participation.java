package io.millrace.optim.participation;

/**
 * Which of a model's layers have a part in a step: in the others z is 0 and nothing is updated,
 * weight decay included. A pure function of the step and its seed, so that a replay needs no more.
 */
public interface Participation {
    /** The name on the command line and in the journal, such as {@code all}. */
    String name();

    /** Whether every layer has a part in every step. */
    default boolean isWhole() {
        return false;
    }

    /**
     * Checks that a model can take it.
     *
     * @param layers how many the model has
     * @throws io.millrace.memory.BadInputException where it cannot
     */
    default void require(int layers) {}

    /**
     * What has a part in a step.
     *
     * @param step from 1
     * @param stepSeed the step's seed
     * @param units of the model
     */
    Parts parts(long step, long stepSeed, Units units);
}
