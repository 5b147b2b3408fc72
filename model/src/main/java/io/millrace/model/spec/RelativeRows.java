package io.millrace.model.spec;

/**
 * Which row of a table of relative positions a query and a key have (DeBERTa, arXiv 2006.03654):
 * that of their distance, or, of its second version, that of a bucket which the distance falls in:
 * one for each of the nearest, and fewer and fewer the farther they are.
 *
 * @param span rows of either direction; the table has twice as many
 * @param buckets how many, 0 where each distance has a row
 * @param farthest where buckets end
 * @param positions the longest sequence there may be
 */
public record RelativeRows(int span, int buckets, int farthest, int positions) {
    /** Checks that there are rows, and buckets enough to be told apart. */
    public RelativeRows {
        boolean bucketed = buckets >= 2 && farthest > buckets / 2 + 1;
        if (span < 1 || positions < 1 || (buckets != 0 && !bucketed)) {
            throw new IllegalArgumentException(
                    span + " rows, " + buckets + " buckets up to " + farthest);
        }
    }

    /** Rows of the table. */
    public int rows() {
        return 2 * span;
    }

    /**
     * The row of a query that stands so many positions behind its key; less than 0 before it.
     * Distances beyond the table have its last row, or its first.
     */
    public int row(int distance) {
        long place = buckets == 0 ? distance : bucket(distance);
        return (int) Math.clamp(place + span, 0, 2L * span - 1);
    }

    /** Rows of all distances, from the least, 1 − positions, on. */
    public int[] table() {
        int[] rows = new int[2 * positions - 1];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = row(i + 1 - positions);
        }
        return rows;
    }

    /** In float32, as the library's own code has it. */
    private long bucket(int distance) {
        int middle = buckets / 2;
        int far = Math.abs(distance);
        if (far <= middle) {
            return distance;
        }
        float of = log((float) far / middle);
        float all = log((float) ((farthest - 1) / (double) middle));
        long place = (long) Math.ceil(of / all * (middle - 1)) + middle;
        return distance < 0 ? -place : place;
    }

    private static float log(float value) {
        return (float) StrictMath.log(value);
    }
}
