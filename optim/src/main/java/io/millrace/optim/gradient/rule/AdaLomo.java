package io.millrace.optim.gradient.rule;

import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.TensorState;
import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import java.util.List;

/**
 * AdaLomo (arXiv 2310.10195, Algorithm 1, with the numbers of its published code): {@code s = g² +
 * 1e-30}; of a matrix {@code r ← β r + (1 − β) mean_columns(s)}, c likewise by rows, {@code v = r
 * cᵀ / mean(r)}, of a vector {@code v ← β v + (1 − β) s}, with {@code β = 1 − t^−0.8}; {@code u = g
 * / √v}, divided by its root mean square where that is above 1; {@code θ ← θ − lr' (u + wd θ)} with
 * {@code lr' = lr · max(1e-3, rms(θ))}. Decay takes lr', as in the code.
 */
public record AdaLomo() implements GradientRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "adalomo";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public List<TensorState> kept() {
        return FactoredStep.KEPT;
    }

    @Override
    public boolean wantsRows() {
        return true;
    }

    @Override
    public TensorStep step(TensorTurn turn) {
        ClippedRate rate = ClippedRate.relative(turn);
        return turn.isVector() ? new VectorStep(turn, rate) : new FactoredStep(turn, rate);
    }
}
