package io.millrace.optim.gradient.rule;

import io.millrace.memory.DType;
import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.TensorState;
import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.gradient.Tile;
import io.millrace.optim.option.Limit;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import java.util.List;

/**
 * Stochastic gradient descent with heavy-ball momentum as PyTorch's {@code SGD} has it without
 * dampening: {@code b ← μ b + g}, {@code θ ← θ − lr (b + wd θ)}. Decay is decoupled (arXiv
 * 1711.05101, Algorithm 1) as that of all rules here, where PyTorch's goes through b; without
 * momentum both are one.
 *
 * @param momentum share of b that a step keeps, in [0, 1); with 0 there is no state
 */
public record Sgd(double momentum) implements GradientRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "sgd";

    /** The option of μ. */
    public static final Option<Double> MOMENTUM =
            Option.named("momentum", OptionTypes.NUMBER)
                    .label("F")
                    .help("Share of its momentum that a step of sgd keeps.")
                    .usual(0.0)
                    .limit(Limit.belowOne(0.9))
                    .decidesBytes()
                    .build();

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public List<TensorState> kept() {
        return momentum == 0 ? List.of() : List.of(new TensorState("m", DType.F32));
    }

    @Override
    public TensorStep step(TensorTurn turn) {
        return momentum == 0
                ? Descent.of(turn)
                : new Heavy((float) momentum, (float) turn.lr(), turn.decayShare());
    }

    private record Heavy(float keep, float rate, float share) implements TensorStep {
        @Override
        public void tile(int pass, Tile tile, double[] sums) {
            descend(tile.parameters(), tile.gradient(), tile.states()[0], tile.count());
        }

        private void descend(float[] parameters, float[] gradient, float[] moment, int count) {
            float mu = keep;
            float lr = rate;
            float decay = share;
            for (int i = 0; i < count; i++) {
                float p = parameters[i];
                float m = mu * moment[i] + gradient[i];
                moment[i] = m;
                parameters[i] = p + (decay * p - lr * m);
            }
        }
    }
}
