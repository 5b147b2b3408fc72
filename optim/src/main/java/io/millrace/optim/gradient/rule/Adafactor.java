package io.millrace.optim.gradient.rule;

import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.TensorState;
import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import java.util.List;

/**
 * Adafactor (arXiv 1804.04235, Algorithm 4) as transformers' {@code Adafactor} has it with {@code
 * scale_parameter=False, relative_step=False} and its other usual values: no first moment, {@code β
 * = 1 − t^−0.8}, {@code ε₁ = 1e-30}, updates clipped to a root mean square of 1, and the rate of
 * the run. Of a matrix it keeps the second moment's means by row and by column, of a vector the
 * whole. A tensor of more axes counts as the matrix of its first axis and all others, where
 * transformers factors its last two axes.
 */
public record Adafactor() implements GradientRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "adafactor";

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
        ClippedRate rate = ClippedRate.absolute(turn);
        return turn.isVector() ? new VectorStep(turn, rate) : new FactoredStep(turn, rate);
    }
}
