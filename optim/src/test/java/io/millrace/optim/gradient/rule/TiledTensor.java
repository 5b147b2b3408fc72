package io.millrace.optim.gradient.rule;

import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.TensorState;
import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.gradient.Tile;
import io.millrace.optim.random.SplitMix64;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** One tensor that a rule's steps are taken on, in tiles of some size and in any order. */
final class TiledTensor {
    private static final int PLACES = 1000; // of a step in the stream of made-up gradients
    private static final int ROW_SCALES = 4;
    private static final int ZERO_COLUMN = 3;
    private static final int BEHIND = 5;

    private final GradientRule rule;
    private final List<Long> shape;
    private final int units;
    private final Random order;
    private final float[] parameters;
    private final float[][] states;

    /**
     * A tensor before its first step.
     *
     * @param units elements of a tile, or rows where the rule wants them
     * @param order of the tiles of a pass
     */
    TiledTensor(GradientRule rule, List<Long> shape, float[] parameters, int units, Random order) {
        this.rule = rule;
        this.shape = shape;
        this.units = units;
        this.order = order;
        this.parameters = parameters.clone();
        List<TensorState> kept = rule.kept();
        states = new float[kept.size()][];
        for (int i = 0; i < states.length; i++) {
            states[i] = new float[Math.toIntExact(kept.get(i).extent().of(shape))];
        }
    }

    /** Weights that the golden numbers begin from, in [-0.5, 0.5). */
    static float[] start(List<Long> shape, long seed) {
        float[] values = new float[count(shape)];
        for (int i = 0; i < values.length; i++) {
            values[i] = unit(seed, i + 1L);
        }
        return values;
    }

    /** Gradients of a step of the golden numbers: rows of several sizes, and a column of zeros. */
    static float[] gradient(List<Long> shape, long seed, long step) {
        float[] values = new float[count(shape)];
        int columns = Math.toIntExact(shape.getLast());
        for (int i = 0; i < values.length; i++) {
            float scale =
                    shape.size() < 2 ? 1 : (float) Math.scalb(1.0, i / columns % ROW_SCALES - 2);
            boolean zero = i % columns == ZERO_COLUMN;
            values[i] = zero ? 0 : scale * unit(seed, PLACES * step + i);
        }
        return values;
    }

    private static float unit(long seed, long place) {
        return ((SplitMix64.output(seed, place) >>> 40) - (1L << 23)) / (float) (1 << 24);
    }

    private static int count(List<Long> shape) {
        return Math.toIntExact(TensorState.ELEMENTS.of(shape));
    }

    float[] parameters() {
        return parameters;
    }

    float[][] states() {
        return states;
    }

    private boolean isOfElements(int state) {
        return rule.kept().get(state).isOfElements();
    }

    private float[] whole(int state) {
        return rule.wantsWhole() ? null : states[state];
    }

    /** Takes a step. */
    void step(TensorTurn turn, float[] gradient) {
        TensorStep step = rule.step(turn);
        if (rule.wantsWhole()) {
            int columns = Math.toIntExact(turn.columns());
            long floats = rule.workFloats(shape);
            step.begin(new ArrayTensor(gradient, columns, states, floats, order));
        }
        for (int pass = 0; pass < step.passes(); pass++) {
            double[] sums = pass(step, pass, gradient);
            float[][] whole = new float[states.length][];
            for (int i = 0; i < states.length; i++) {
                whole[i] = isOfElements(i) ? null : whole(i);
            }
            step.passed(pass, sums, whole);
        }
    }

    private double[] pass(TensorStep step, int pass, float[] gradient) {
        int columns = Math.toIntExact(shape.getLast());
        int unit = rule.wantsRows() && shape.size() > 1 ? columns : rule.tileElements();
        int size = units * unit;
        List<Integer> firsts = new ArrayList<>();
        for (int first = 0; first < parameters.length; first += size) {
            firsts.add(first);
        }
        double[][] sums = new double[firsts.size()][step.sums(pass)];
        List<Integer> shuffled = new ArrayList<>(firsts);
        Collections.shuffle(shuffled, order);
        boolean last = pass == step.passes() - 1;
        for (int first : shuffled) {
            int end = Math.min(parameters.length, first + size);
            tile(step, pass, first, end, gradient, sums[first / size], last);
        }
        double[] all = new double[step.sums(pass)];
        for (double[] of : sums) {
            Arrays.setAll(all, i -> all[i] + of[i]);
        }
        return all;
    }

    private void tile(
            TensorStep step,
            int pass,
            int first,
            int end,
            float[] gradient,
            double[] sums,
            boolean last) {
        float[][] own = new float[states.length][];
        for (int i = 0; i < own.length; i++) {
            own[i] = isOfElements(i) ? part(states[i], first, end) : whole(i);
        }
        float[] values = part(parameters, first, end);
        float[] slopes = part(gradient, first, end);
        step.tile(pass, new Tile(first, end - first, values, slopes, own), sums);
        if (last) {
            System.arraycopy(values, 0, parameters, first, end - first);
            for (int i = 0; i < own.length; i++) {
                if (isOfElements(i)) {
                    System.arraycopy(own[i], 0, states[i], first, end - first);
                }
            }
        }
    }

    /** A tile's elements; whoever widens them has longer arrays, with others' numbers behind. */
    private static float[] part(float[] of, int first, int end) {
        float[] part = Arrays.copyOf(Arrays.copyOfRange(of, first, end), end - first + BEHIND);
        Arrays.fill(part, end - first, part.length, Float.NaN);
        return part;
    }
}
