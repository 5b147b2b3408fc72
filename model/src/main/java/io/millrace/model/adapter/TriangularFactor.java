package io.millrace.model.adapter;

/**
 * R of a QR decomposition by Householder reflections, in double. Rows come a tile at a time and are
 * forgotten: Q is never held.
 */
final class TriangularFactor {
    private static final int TILE = 256;

    private final int size;
    private final double[][] columns; // of R; elements below the diagonal are 0

    private TriangularFactor(int size) {
        this.size = size;
        columns = new double[size][size];
    }

    /** R of a matrix, square; its columns are rows of Rᵀ. */
    static double[][] of(TallMatrix matrix) {
        TriangularFactor factor = new TriangularFactor(matrix.columns());
        double[][] tile = new double[matrix.columns()][TILE];
        for (long row = 0; row < matrix.rows(); row += TILE) {
            int count = (int) Math.min(TILE, matrix.rows() - row);
            for (int j = 0; j < factor.size; j++) {
                for (int i = 0; i < count; i++) {
                    tile[j][i] = matrix.get(row + i, j);
                }
            }
            factor.takeIn(tile, count);
        }
        return factor.columns;
    }

    /** Reflects rows of a tile into R, which then has their squares and they have none. */
    private void takeIn(double[][] tile, int count) {
        for (int j = 0; j < size; j++) {
            double[] pivot = tile[j];
            double below = Columns.dot(pivot, pivot, count);
            if (below == 0) {
                continue;
            }
            double top = columns[j][j];
            double norm = Math.sqrt(top * top + below);
            double first = top >= 0 ? top + norm : top - norm; // of the reflection's vector
            double half = norm * (norm + Math.abs(top)); // of its square
            for (int l = j + 1; l < size; l++) {
                double along = (first * columns[l][j] + Columns.dot(pivot, tile[l], count)) / half;
                columns[l][j] -= along * first;
                Columns.add(tile[l], pivot, -along, count);
            }
            columns[j][j] = top >= 0 ? -norm : norm;
        }
    }
}
