package io.millrace.optim.gradient.rule;

import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.gradient.Tile;

/**
 * The plain step {@code θ ← θ − lr (g + wd θ)}, without anything kept.
 *
 * @param rate factor on the gradient that is taken away
 * @param share of θ that is added, at most 0
 */
record Descent(float rate, float share) implements TensorStep {
    /** Of a turn. */
    static Descent of(TensorTurn turn) {
        return new Descent((float) turn.lr(), turn.decayShare());
    }

    @Override
    public void tile(int pass, Tile tile, double[] sums) {
        descend(tile.parameters(), tile.gradient(), tile.count());
    }

    private void descend(float[] parameters, float[] gradient, int count) {
        float lr = rate;
        float decay = share;
        for (int i = 0; i < count; i++) {
            float p = parameters[i];
            parameters[i] = p + (decay * p - lr * gradient[i]);
        }
    }
}
