package io.millrace.optim.objective;

/** The mean cross-entropy over the scored tokens of the batch. */
public record MeanLoss() implements Objective {
    /** The name on the command line and in the journal. */
    public static final String NAME = "loss";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean isShare() {
        return false;
    }
}
