package io.millrace.optim.estimate;

import java.util.Map;

/**
 * Says which losses a step asks for, and reads slopes out of the answers. It has no state: a step's
 * outcome is a function of its {@link StepContext} and of the losses.
 */
public interface Estimator {
    /** The name on the command line and in the journal, such as {@code two-sided}. */
    String name();

    /** What it goes by beside its name, as the journal and files call it. */
    default Map<String, Object> fields() {
        return Map.of();
    }

    /** The most that one pass over the model is asked for. */
    Questions questions();

    /** The first questions of a step. */
    Round begin(StepContext step);
}
