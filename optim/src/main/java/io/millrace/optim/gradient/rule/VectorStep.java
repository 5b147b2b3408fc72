package io.millrace.optim.gradient.rule;

import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.gradient.Tile;

/**
 * A step on a vector as {@link FactoredStep} does one on a matrix, with the whole second moment:
 * {@code u = g / √v}. The first pass finds the size of u, the second moves.
 */
final class VectorStep implements TensorStep {
    private static final int WHOLE = 2;

    private final ClippedRate rate;
    private final float keep;
    private final float add;
    // v after the step; a tile writes its own elements alone.
    private final float[] second;

    VectorStep(TensorTurn turn, ClippedRate rate) {
        this.rate = rate;
        keep = (float) FactoredStep.keep(turn);
        add = (float) (1 - FactoredStep.keep(turn));
        second = new float[Math.toIntExact(turn.columns())];
    }

    @Override
    public int passes() {
        return 2;
    }

    @Override
    public int sums(int pass) {
        return pass == 0 ? rate.sums() : 0;
    }

    @Override
    public void tile(int pass, Tile tile, double[] sums) {
        int first = Math.toIntExact(tile.first());
        if (pass == 0) {
            renew(tile.gradient(), tile.states()[WHOLE], first, tile.count());
            float[] moved = new float[tile.count()];
            scale(tile.gradient(), first, moved);
            sums[0] += SquareSums.of(moved, 0, moved.length);
            rate.add(tile, sums);
        } else {
            float[] moved = new float[tile.count()];
            scale(tile.gradient(), first, moved);
            move(tile.parameters(), moved);
        }
    }

    private void renew(float[] gradient, float[] old, int first, int count) {
        float stays = keep;
        float comes = add;
        for (int i = 0; i < count; i++) {
            float g = gradient[i];
            float s = g * g + (float) FactoredStep.TINY;
            second[first + i] = stays * old[first + i] + comes * s;
        }
    }

    private void scale(float[] gradient, int first, float[] moved) {
        for (int i = 0; i < moved.length; i++) {
            moved[i] = gradient[i] / (float) Math.sqrt(second[first + i]);
        }
    }

    private void move(float[] parameters, float[] moved) {
        float lr = rate.rate();
        float decay = rate.share();
        for (int i = 0; i < moved.length; i++) {
            float p = parameters[i];
            parameters[i] = p + (decay * p - lr * moved[i]);
        }
    }

    @Override
    public void passed(int pass, double[] sums, float[][] states) {
        if (pass == 0) {
            rate.hear(sums);
            System.arraycopy(second, 0, states[WHOLE], 0, second.length);
        }
    }
}
