package io.millrace.executor;

import io.millrace.executor.cpu.GemmTiles;

/**
 * Sequences that pass through a block together, without padding.
 *
 * @param ids token ids, one sequence after another
 * @param sequences which rows belong together
 * @param headRows the rows whose logits are wanted, ascending
 * @param targets for each head row the id it should predict, or −1 where only logits are wanted
 */
record MicroBatch(int[] ids, Sequences sequences, int[] headRows, int[] targets) {
    int tokenCount() {
        return ids.length;
    }

    /** Rows that a matrix of so many tokens has room for: products work on whole quanta. */
    static int padded(int rows) {
        return Math.ceilDiv(rows, GemmTiles.ROW_QUANTUM) * GemmTiles.ROW_QUANTUM;
    }

    /** Rows of a matrix that products may write from any of the given rows on. */
    static long withSlack(int rows) {
        return (long) rows + GemmTiles.ROW_QUANTUM;
    }
}
