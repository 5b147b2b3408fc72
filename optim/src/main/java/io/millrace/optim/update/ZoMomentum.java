package io.millrace.optim.update;

import io.millrace.memory.DType;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.Direction;
import io.millrace.optim.estimate.StepRecord;
import java.util.List;

/**
 * Heavy-ball momentum: {@code m ← β m + ĝ} with ĝ the mean of g z over the queries, then {@code θ ←
 * θ − lr (m + wd θ)} with decoupled decay (MeZO's appendix B and arXiv 2402.11592, whose torch SGD
 * has no dampening either). m is a state of every element.
 */
public final class ZoMomentum implements UpdateRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "zo-momentum";

    private final double beta;

    /**
     * The rule; one instance serves any number of runs.
     *
     * @param beta share of m that a step keeps, in [0, 1)
     */
    public ZoMomentum(double beta) {
        this.beta = beta;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean suits(Direction direction) {
        return direction instanceof DenseDirection;
    }

    @Override
    public List<ElementState> states() {
        return List.of(new ElementState("m", DType.F32));
    }

    @Override
    public Update next(StepRecord record) {
        int moment = ElementProgram.state(0);
        int gradient = ElementProgram.scratch(0);
        int spare = ElementProgram.scratch(1);
        return Update.of(
                record.step(),
                record.seed(),
                ElementProgram.builder()
                        .terms(gradient, spare, Slopes.of(record))
                        .fma(moment, (float) beta, moment, gradient)
                        .move(spare, (float) -record.lr(), moment, Slopes.decay(record))
                        .build());
    }
}
