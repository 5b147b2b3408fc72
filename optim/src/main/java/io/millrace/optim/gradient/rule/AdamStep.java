package io.millrace.optim.gradient.rule;

import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.Tile;

/**
 * A step of Adam on every element, decoupled decay included.
 *
 * @param share of θ that is added, at most 0
 */
record AdamStep(AdamMoments numbers, float share) implements TensorStep {
    @Override
    public void tile(int pass, Tile tile, double[] sums) {
        float[][] states = tile.states();
        move(tile.parameters(), tile.gradient(), states[0], states[1], tile.count());
    }

    private void move(
            float[] parameters, float[] gradient, float[] first, float[] second, int count) {
        float keep1 = numbers.keep1();
        float add1 = numbers.add1();
        float keep2 = numbers.keep2();
        float add2 = numbers.add2();
        float root = numbers.root();
        float eps = numbers.eps();
        float lr = numbers.rate();
        float decay = share;
        for (int i = 0; i < count; i++) {
            float g = gradient[i];
            float p = parameters[i];
            float m = keep1 * first[i] + add1 * g;
            float v = keep2 * second[i] + add2 * (g * g);
            first[i] = m;
            second[i] = v;
            parameters[i] = p + (decay * p - lr * m / ((float) Math.sqrt(v) * root + eps));
        }
    }
}
