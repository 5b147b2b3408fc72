package io.millrace.executor.cpu.op;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What disentangled attention (arXiv 2006.03654) adds to a tile of scores before they are scaled:
 * q_i · K_r + k_j · Q_r, r being the row that the distance i − j has. Of a square of tokens only
 * the rows that its distances have are multiplied with. One instance belongs to one worker.
 */
public final class RelativeScores {
    /** Tokens of either side of a square. */
    public static final int SQUARE = 64;

    /** The most rows that its distances have. */
    public static final int MOST_ROWS = 2 * SQUARE;

    private final MemorySegment ofQueries; // [SQUARE, MOST_ROWS]
    private final MemorySegment ofKeys; // [SQUARE, MOST_ROWS]
    private final int[] rows = new int[MOST_ROWS];

    /** Takes 64 KiB of an arena. */
    public RelativeScores(Arena arena) {
        ofQueries = arena.allocate((long) SQUARE * MOST_ROWS * Float.BYTES, 64);
        ofKeys = arena.allocate((long) SQUARE * MOST_ROWS * Float.BYTES, 64);
    }

    /**
     * The rows for relative positions, of one scale.
     *
     * @param distances the row that each distance has, from the least on; it never falls
     * @param keys K, heads side by side, or null for none
     * @param queries Q, or null
     */
    public record Rows(int[] distances, HeadRows keys, HeadRows queries) {
        /** The row of a distance. */
        public int row(int distance) {
            return distances[distance + distances.length / 2];
        }
    }

    /**
     * Queries or keys of a tile.
     *
     * @param segment where they lie
     * @param at the first, one head of it
     * @param stride floats from one to the next
     * @param count how many
     * @param position where the first stands in its sequence
     */
    public record Side(MemorySegment segment, long at, long stride, int count, int position) {
        /** Some of them, of at most {@link #SQUARE}. */
        public Side from(int first) {
            return new Side(
                    segment,
                    at + first * stride,
                    stride,
                    Math.min(SQUARE, count - first),
                    position + first);
        }
    }

    /**
     * Adds to a tile.
     *
     * @param relative what is added, or null for nothing
     * @param dim floats of a head
     * @param scores [queries, keys]; changed
     * @param stride floats from one row of scores to the next
     */
    public void add(
            Rows relative,
            Side queries,
            Side keys,
            int head,
            int dim,
            MemorySegment scores,
            long stride) {
        if (relative == null) {
            return;
        }
        if (queries.count > SQUARE) {
            throw new IllegalArgumentException(queries.count + " queries in a tile");
        }
        for (int from = 0; from < keys.count; from += SQUARE) {
            addSquare(relative, queries, keys.from(from), head, dim, scores, from, stride);
        }
    }

    private void addSquare(
            Rows relative,
            Side queries,
            Side keys,
            int head,
            int dim,
            MemorySegment scores,
            int column,
            long stride) {
        int least = queries.position - (keys.position + keys.count - 1);
        int span = queries.count + keys.count - 1;
        int first = relative.row(least);
        int count = relative.row(least + span - 1) - first + 1;
        for (int i = 0; i < span; i++) {
            rows[i] = relative.row(least + i) - first;
        }
        if (relative.keys != null) {
            multiply(queries, relative.keys, first, count, head, dim, ofQueries);
        }
        if (relative.queries != null) {
            multiply(keys, relative.queries, first, count, head, dim, ofKeys);
        }
        for (int query = 0; query < queries.count; query++) {
            long row = query * stride + column;
            for (int key = 0; key < keys.count; key++) {
                int at = rows[query + keys.count - 1 - key];
                float score = CheckedFloats.get(scores, row + key);
                if (relative.keys != null) {
                    score += CheckedFloats.get(ofQueries, (long) query * MOST_ROWS + at);
                }
                if (relative.queries != null) {
                    score += CheckedFloats.get(ofKeys, (long) key * MOST_ROWS + at);
                }
                CheckedFloats.set(scores, row + key, score);
            }
        }
    }

    private static void multiply(
            Side tokens,
            HeadRows table,
            int first,
            int count,
            int head,
            int dim,
            MemorySegment out) {
        Sgemm.sgemm(
                false,
                true,
                tokens.count,
                count,
                dim,
                1,
                tokens.segment,
                tokens.at,
                tokens.stride,
                table.segment(),
                table.at(first, head),
                table.rowStride(),
                0,
                out,
                0,
                MOST_ROWS);
    }
}
