package io.millrace.optim.update;

import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.estimate.StepRecord;

/**
 * The step of a model's scales, which stay above 0: {@code Δ ← max(Δ − lr (g z + wd Δ), 10⁻⁷)}
 * (QZO, arXiv 2505.13430). It has no state.
 */
public final class Qzo implements UpdateRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "qzo";

    private static final float FLOOR = 1e-7f;

    /** The rule; one instance serves any number of runs. */
    public Qzo() {}

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
                        .move(spare, (float) -record.lr(), gradient, Slopes.decay(record))
                        .fill(spare, FLOOR)
                        .max(ElementProgram.PARAMETER, ElementProgram.PARAMETER, spare)
                        .build());
    }
}
