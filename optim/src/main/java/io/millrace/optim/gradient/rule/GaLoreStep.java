package io.millrace.optim.gradient.rule;

import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.gradient.Tile;

/** A step of {@link GaLore} on a tensor, whose one tile is all of it. */
final class GaLoreStep implements TensorStep {
    private static final int BASIS = 0;
    private static final int FIRST = 1;
    private static final int SECOND = 2;
    private static final double EPS = 1e-6;
    private static final AdamW MOMENTS = new AdamW(0.9, 0.999, EPS);

    private final GaLore rule;
    private final TensorTurn turn;
    private final boolean projects;
    private final AdamStep adam;
    private final float[][] kept = new float[SECOND + 1][];

    GaLoreStep(GaLore rule, TensorTurn turn, boolean projects) {
        this.rule = rule;
        this.turn = turn;
        this.projects = projects;
        AdamMoments numbers = AdamMoments.uncorrected(MOMENTS, turn);
        adam = new AdamStep(numbers, projects ? 0 : turn.decayShare());
    }

    @Override
    public void tile(int pass, Tile tile, double[] sums) {
        if (tile.first() != 0 || tile.count() != turn.rows() * turn.columns()) {
            throw new IllegalArgumentException("a part of " + turn.shape());
        }
        float[] first = tile.states()[FIRST].clone();
        float[] second = tile.states()[SECOND].clone();
        kept[BASIS] = tile.states()[BASIS];
        kept[FIRST] = first;
        kept[SECOND] = second;
        if (projects) {
            project(tile, first, second);
        } else {
            move(tile.parameters(), tile.gradient(), first, second);
        }
    }

    /** Moves as many as there are moments: a tile's arrays may be longer than the tile. */
    private void move(float[] parameters, float[] gradient, float[] first, float[] second) {
        float[][] states = {first, second};
        adam.tile(0, new Tile(0, first.length, parameters, gradient, states), new double[0]);
    }

    private void project(Tile tile, float[] first, float[] second) {
        int rows = Math.toIntExact(turn.rows());
        int columns = Math.toIntExact(turn.columns());
        int rank = rule.rank();
        TopVectors search = new TopVectors(tile.gradient(), rows, columns);
        float[] basis = basis(search, tile, tile.states()[BASIS]);
        kept[BASIS] = basis;
        float[] thin = search.across(basis, rank);
        float[] moved = new float[thin.length];
        move(moved, thin, first, second);
        float[] all =
                search.isLeft()
                        ? product(basis, moved, rows, rank, columns)
                        : product(moved, basis, rows, rank, columns);
        add(tile.parameters(), all, (float) rule.scale(), turn.decayShare());
    }

    /** Of thin matrices [rank, rows] and [rank, columns]. */
    private static float[] product(float[] left, float[] right, int rows, int rank, int columns) {
        float[] turned = DenseProduct.transposed(left, rank, rows);
        return DenseProduct.of(turned, right, rows, rank, columns);
    }

    private static void add(float[] parameters, float[] moved, float scale, float decay) {
        for (int i = 0; i < moved.length; i++) {
            float p = parameters[i];
            parameters[i] = p + (decay * p + scale * moved[i]);
        }
    }

    /** The vectors of the step: those there are, or new ones where they are due. */
    private float[] basis(TopVectors search, Tile tile, float[] old) {
        boolean due = (turn.turn() - 1) % rule.every() == 0 || isNothing(old, old.length);
        return due && !isNothing(tile.gradient(), tile.count())
                ? search.find(rule.rank(), turn.seed())
                : old;
    }

    private static boolean isNothing(float[] values, int count) {
        for (int i = 0; i < count; i++) {
            if (values[i] != 0) {
                return false;
            }
        }
        return true;
    }

    @Override
    public void passed(int pass, double[] sums, float[][] states) {
        for (int i = 0; i < kept.length; i++) {
            System.arraycopy(kept[i], 0, states[i], 0, kept[i].length);
        }
    }
}
