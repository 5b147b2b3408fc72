package io.millrace.optim.estimate;

import java.util.Optional;

/**
 * Says which losses a step asks for, and reads slopes out of the answers. It has no state: a step's
 * outcome is a function of its {@link StepContext} and of the losses.
 */
public interface Estimator {
    /** The name on the command line and in the journal, such as {@code two-sided}. */
    String name();

    /** The most that one pass over the model is asked for. */
    Questions questions();

    /** The steps that it takes apart from the others; empty where there are none. */
    default Optional<Anchors> anchors() {
        return Optional.empty();
    }

    /** The first questions of a step. */
    Round begin(StepContext step);
}
