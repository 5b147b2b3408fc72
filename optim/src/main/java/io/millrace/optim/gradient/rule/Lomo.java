package io.millrace.optim.gradient.rule;

import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.TensorState;
import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import java.util.List;

/**
 * LOMO (arXiv 2306.09782, Algorithm 1): descent that keeps nothing, so that a gradient is gone as
 * soon as it has been used, {@code θ ← θ − lr (g + wd θ)}. In numbers it is {@link Sgd} without
 * momentum; clipping by a global norm, for which its authors go backward twice, is no part of it.
 */
public record Lomo() implements GradientRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "lomo";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public List<TensorState> kept() {
        return List.of();
    }

    @Override
    public TensorStep step(TensorTurn turn) {
        return Descent.of(turn);
    }
}
