package io.millrace.optim.estimate;

import java.util.List;
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

    /** What each pass of a step is asked for, of the most passes that there are. */
    default List<Questions> passes() {
        return List.of(questions());
    }

    /** The steps that it takes apart from the others; empty where there are none. */
    default Optional<Anchors> anchors() {
        return Optional.empty();
    }

    /** The first questions of a step. */
    Round begin(StepContext step);
}
