package io.millrace.optim.estimate;

/**
 * The gradient itself, by going backward through the model: one loss of the batch at the weights as
 * they are, along no direction. Whoever takes its steps asks for no rounds.
 */
public final class GradientEstimator implements Estimator {
    /** The name on the command line and in the journal. */
    public static final String NAME = "gradient";

    /** It holds no state. */
    public GradientEstimator() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Questions questions() {
        return Questions.each(1, 1);
    }

    /**
     * There are no questions.
     *
     * @throws IllegalStateException always
     */
    @Override
    public Round begin(StepContext step) {
        throw new IllegalStateException("step " + step.step() + " has a gradient, and no rounds");
    }
}
