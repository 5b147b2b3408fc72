package io.millrace.optim.gradient.rule;

import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.gradient.Tile;
import io.millrace.optim.gradient.WholeTensor;
import java.util.Arrays;
import java.util.Optional;

/**
 * A step of {@link GaLore} on a tensor. One that is projected has all its thin work done before the
 * first tile: vectors, projected gradient, moments. Tiles are then moved by products with the thin
 * result, a few rows at a time.
 */
final class GaLoreStep implements TensorStep {
    static final int BASIS = 0;
    static final int FIRST = 1;
    static final int SECOND = 2;

    private static final double EPS = 1e-6;
    private static final AdamW MOMENTS = new AdamW(0.9, 0.999, EPS);
    private static final double[] NO_SUMS = {};

    private final GaLore rule;
    private final TensorTurn turn;
    private final boolean projects;
    private final Optional<NaturalGradient> natural;
    private final AdamStep adam;
    private WholeTensor whole;
    private boolean left;
    private Matrix basis;
    private Matrix moved;

    /**
     * A step.
     *
     * @param projects whether the tensor is projected
     * @param natural what becomes of the projected gradient before the moments take it
     */
    GaLoreStep(GaLore rule, TensorTurn turn, boolean projects, Optional<NaturalGradient> natural) {
        this.rule = rule;
        this.turn = turn;
        this.projects = projects;
        this.natural = natural;
        AdamMoments numbers = AdamMoments.uncorrected(MOMENTS, turn);
        adam = new AdamStep(numbers, projects ? 0 : turn.decayShare());
    }

    @Override
    public void begin(WholeTensor tensor) {
        whole = tensor;
        if (projects) {
            int rows = Math.toIntExact(turn.rows());
            int columns = Math.toIntExact(turn.columns());
            TopVectors search = new TopVectors(tensor, rows, columns, rule.rank());
            left = search.isLeft();
            basis = search.basis();
            loadBasis();
            boolean due = (turn.turn() - 1) % rule.every() == 0 || basis.isNothing();
            if ((due && search.find(turn.seed())) || turn.turn() == 1) {
                storeBasis();
            }
            moved = search.acrossBasis();
            natural.ifPresent(one -> one.transform(tensor, moved, turn.turn()));
            move();
        }
    }

    private void loadBasis() {
        whole.ranges(
                basis.count(),
                1,
                (first, count, arrays) -> {
                    loadState(BASIS, first, arrays[0], count);
                    basis.store(first, arrays[0], 0, count);
                });
    }

    private void storeBasis() {
        whole.ranges(
                basis.count(),
                1,
                (first, count, arrays) -> {
                    basis.load(first, arrays[0], 0, count);
                    whole.store(BASIS, first, arrays[0], count);
                });
    }

    private void loadState(int state, long first, float[] to, int count) {
        if (turn.turn() > 1) {
            whole.load(state, first, to, count);
        } else {
            Arrays.fill(to, 0, count, 0f);
        }
    }

    /** Puts what Adam moves by in the place of the projected gradient. */
    private void move() {
        whole.ranges(
                moved.count(),
                4,
                (first, count, arrays) -> {
                    moved.load(first, arrays[0], 0, count);
                    Arrays.fill(arrays[1], 0, count, 0f);
                    move(first, count, arrays[1], arrays[0], arrays[2], arrays[3]);
                    moved.store(first, arrays[1], 0, count);
                });
    }

    private void move(
            long first, int count, float[] parameters, float[] slopes, float[] m, float[] v) {
        loadState(FIRST, first, m, count);
        loadState(SECOND, first, v, count);
        float[][] states = {m, v};
        adam.tile(0, new Tile(first, count, parameters, slopes, states), NO_SUMS);
        whole.store(FIRST, first, m, count);
        whole.store(SECOND, first, v, count);
    }

    @Override
    public void tile(int pass, Tile tile, double[] sums) {
        if (projects) {
            addProduct(tile);
        } else {
            float[] m = new float[tile.count()];
            float[] v = new float[tile.count()];
            move(tile.first(), tile.count(), tile.parameters(), tile.gradient(), m, v);
        }
    }

    private void addProduct(Tile tile) {
        int columns = Math.toIntExact(turn.columns());
        int row = Math.toIntExact(tile.first() / columns);
        int rows = tile.count() / columns;
        float[] rowShares = rowShares(left ? basis : moved, row, rows);
        Matrix along = left ? moved : basis;
        float[] values = new float[rule.rank() * WholeTensor.STRIP];
        float[] sums = new float[DenseProduct.ROWS * WholeTensor.STRIP];
        float[] group = new float[DenseProduct.ROWS * rule.rank()];
        for (int column = 0; column < columns; column += WholeTensor.STRIP) {
            int count = Math.min(WholeTensor.STRIP, columns - column);
            for (int k = 0; k < rule.rank(); k++) {
                along.loadRow(k, column, values, k * count, count);
            }
            DenseProduct.Slab slab = new DenseProduct.Slab(values, rule.rank(), count);
            for (int at = 0; at < rows; at += DenseProduct.ROWS) {
                System.arraycopy(rowShares, at * rule.rank(), group, 0, group.length);
                Arrays.fill(sums, 0);
                DenseProduct.addRows(group, slab, sums);
                int end = Math.min(rows, at + DenseProduct.ROWS);
                for (int i = at; i < end; i++) {
                    add(tile.parameters(), i * columns + column, sums, (i - at) * count, count);
                }
            }
        }
    }

    /** Of some rows of the product what each vector counts: [rows, rank], and zeros to fours. */
    private float[] rowShares(Matrix by, int row, int rows) {
        int rank = rule.rank();
        float[] shares =
                new float[Math.ceilDiv(rows, DenseProduct.ROWS) * DenseProduct.ROWS * rank];
        float[] one = new float[rows];
        for (int k = 0; k < rank; k++) {
            by.loadRow(k, row, one, 0, rows);
            for (int i = 0; i < rows; i++) {
                shares[i * rank + k] = one[i];
            }
        }
        return shares;
    }

    private void add(float[] parameters, int first, float[] moves, int from, int count) {
        float scale = (float) rule.scale();
        float decay = turn.decayShare();
        for (int i = 0; i < count; i++) {
            float p = parameters[first + i];
            parameters[first + i] = p + (decay * p + scale * moves[from + i]);
        }
    }
}
