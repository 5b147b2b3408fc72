package io.millrace.optim.update;

import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.estimate.StepRecord;

/**
 * Steps of one size for every element: {@code θ ← θ − lr (sign(Σ g z / n) + wd θ)} (ZO-signSGD as
 * arXiv 2402.11592 has it; its published code takes the sign of the slope alone). It has no state.
 */
public final class ZoSign implements UpdateRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "zo-sign";

    /** The rule; one instance serves any number of runs. */
    public ZoSign() {}

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean suits(Direction direction) {
        return direction instanceof DenseDirection;
    }

    @Override
    public boolean isElementwise() {
        return true;
    }

    @Override
    public Update next(StepRecord record) {
        int gradient = ElementProgram.scratch(0);
        int spare = ElementProgram.scratch(1);
        return Update.of(
                record.step(),
                record.seed(),
                ElementProgram.builder()
                        .terms(gradient, spare, Slopes.of(record))
                        .sign(gradient, gradient)
                        .move(spare, (float) -record.lr(), gradient, Slopes.decay(record))
                        .build());
    }
}
