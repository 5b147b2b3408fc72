package io.millrace.optim.gradient.rule;

import io.millrace.memory.DType;
import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.TensorState;
import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.gradient.Tile;
import java.util.List;

/**
 * Adagrad (Duchi et al., JMLR 12, 2011) as PyTorch has it without decay of the rate: {@code s ← s +
 * g²}, {@code θ ← θ − lr (g / (√s + 1e-10) + wd θ)}. Decay is decoupled as that of all rules here,
 * where PyTorch's goes through s.
 */
public record Adagrad() implements GradientRule {
    /** The name on the command line and in the journal. */
    public static final String NAME = "adagrad";

    private static final float EPS = 1e-10f;

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public List<TensorState> kept() {
        return List.of(new TensorState("s", DType.F32));
    }

    @Override
    public TensorStep step(TensorTurn turn) {
        return new Scaled((float) turn.lr(), turn.decayShare());
    }

    private record Scaled(float rate, float share) implements TensorStep {
        @Override
        public void tile(int pass, Tile tile, double[] sums) {
            move(tile.parameters(), tile.gradient(), tile.states()[0], tile.count());
        }

        private void move(float[] parameters, float[] gradient, float[] squares, int count) {
            float lr = rate;
            float decay = share;
            for (int i = 0; i < count; i++) {
                float g = gradient[i];
                float p = parameters[i];
                float s = squares[i] + g * g;
                squares[i] = s;
                parameters[i] = p + (decay * p - lr * g / ((float) Math.sqrt(s) + EPS));
            }
        }
    }
}
