package io.millrace.optim.participation;

/**
 * Which of a model's layers have a part in a step: in the others z is 0 and nothing is updated,
 * weight decay included. A pure function of the step, its seed and the run's, so that a replay
 * needs no more.
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
    ActiveParts parts(long step, long stepSeed, ModelUnits units);

    /**
     * In what turns parts have one.
     *
     * @param units of the model
     */
    default Rhythm rhythm(ModelUnits units) {
        return Rhythm.drawn(1);
    }

    /**
     * What a schedule of the learning rate counts by: steps, unless it takes several for every part
     * of the model to have had one.
     *
     * @param step from 1
     * @param units of the model
     * @return from 1, and never less than that of a step before
     */
    default long tick(long step, ModelUnits units) {
        return step;
    }

    /** Whether what a rule keeps of a part is still there when the part has a turn again. */
    default boolean keepsStates() {
        return true;
    }
}
