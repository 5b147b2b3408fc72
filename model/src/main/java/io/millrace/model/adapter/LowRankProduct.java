package io.millrace.model.adapter;

/**
 * A matrix as a product of thin factors, {@code left · rightᵀ}.
 *
 * @param left [rows, rank]
 * @param right [columns, rank]
 */
public record LowRankProduct(TallMatrix left, TallMatrix right) {
    // Below this share of the largest value, a singular value of factors in float32 is rounding.
    private static final double NOTHING = 0x1p-40;

    /** Checks that the factors have one rank. */
    public LowRankProduct {
        if (left.columns() != right.columns()) {
            throw new IllegalArgumentException(left.columns() + " and " + right.columns());
        }
    }

    /** How many columns both factors have. */
    public int rank() {
        return left.columns();
    }

    /**
     * A product of a lower rank.
     *
     * @param product the nearest one there is
     * @param norm of the whole, as Frobenius has it
     * @param lost norm of what it lacks
     */
    public record Cut(LowRankProduct product, double norm, double lost) {
        /** What it lacks over the whole. */
        public double relativeError() {
            return norm == 0 ? 0 : lost / norm;
        }
    }

    /**
     * The nearest product of a rank, in the memory of this one, which is gone then. With R the
     * triangular factors of both and {@code R_left R_rightᵀ = P Σ Wᵀ}, it is {@code left R_rightᵀ
     * W/√Σ · (right R_leftᵀ P/√Σ)ᵀ} over the largest values: Q is not needed, and no small value is
     * divided by.
     *
     * @param rank no more than this one has
     */
    public Cut cutTo(int rank) {
        int whole = rank();
        double[][] leftFactor = TriangularFactor.of(left);
        double[][] rightFactor = TriangularFactor.of(right);
        JacobiSvd svd = JacobiSvd.of(product(leftFactor, rightFactor));
        double[] values = svd.values();
        double[][] ofLeft = new double[rank][whole];
        double[][] ofRight = new double[rank][whole];
        for (int i = 0; i < rank && values[i] > values[0] * NOTHING; i++) {
            double root = Math.sqrt(values[i]);
            for (int j = 0; j < whole; j++) {
                ofLeft[i][j] = Columns.dot(rightFactor[j], svd.right()[i], whole) / root;
                ofRight[i][j] =
                        Columns.dot(leftFactor[j], svd.scaledLeft()[i], whole) / (values[i] * root);
            }
        }
        return new Cut(
                new LowRankProduct(left.times(ofLeft), right.times(ofRight)),
                norm(values, 0),
                norm(values, rank));
    }

    /** Columns of left · rightᵀ, of matrices in columns. */
    private static double[][] product(double[][] left, double[][] right) {
        int size = left.length;
        double[][] product = new double[size][size];
        for (int inner = 0; inner < size; inner++) {
            for (int column = 0; column < size; column++) {
                Columns.add(product[column], left[inner], right[inner][column], size);
            }
        }
        return product;
    }

    private static double norm(double[] values, int from) {
        double squares = 0;
        for (int i = values.length - 1; i >= from; i--) {
            squares += values[i] * values[i];
        }
        return Math.sqrt(squares);
    }
}
