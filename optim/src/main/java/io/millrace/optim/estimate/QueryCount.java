package io.millrace.optim.estimate;

/**
 * Directions a step: as many each, or more with every pass over the data, {@code c eᵖᵉ} of them in
 * epoch e with growth p (AdaZeta, arXiv 2406.18060).
 *
 * @param first directions in the first epoch, 1 or more
 * @param growth p, 0 for as many always
 * @param most directions that no step goes beyond, at least {@code first}
 */
public record QueryCount(int first, double growth, int most) {
    /** Checks the numbers. */
    public QueryCount {
        if (first < 1 || most < first || !(growth >= 0)) {
            throw new IllegalArgumentException(
                    "queries must be 1 or more, not " + first + " to " + most + ", by " + growth);
        }
    }

    /** As many in every step. */
    public static QueryCount of(int directions) {
        return new QueryCount(directions, 0, directions);
    }

    /** Directions of a step in an epoch, from 0. */
    public int at(long epoch) {
        double grown = Math.floor(first * StrictMath.exp(growth * epoch));
        return (int) Math.min(Math.max(grown, 1), most);
    }
}
