package io.millrace.model.export;

/** Which row of a tensor ggml has where. */
@FunctionalInterface
interface RowOrder {
    /** Where it was. */
    RowOrder AS_IS = row -> row;

    /** The row that comes to stand at a place. */
    long source(long row);

    /** Halves of a head become neighbours: row j of either half is one of the pair j. */
    static RowOrder neighbours(long headRows) {
        return row -> {
            long inHead = row % headRows;
            return row - inHead + inHead % 2 * (headRows / 2) + inHead / 2;
        };
    }

    /** Of queries, keys and values head by head: all queries, all keys, all values. */
    static RowOrder apart(int heads, int headRows) {
        return row -> {
            long kind = row / ((long) heads * headRows);
            long head = row / headRows % heads;
            return (head * 3 + kind) * headRows + row % headRows;
        };
    }
}
