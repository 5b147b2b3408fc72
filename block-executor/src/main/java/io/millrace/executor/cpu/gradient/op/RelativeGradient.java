package io.millrace.executor.cpu.gradient.op;

import io.millrace.executor.cpu.op.CheckedFloats;
import io.millrace.executor.cpu.op.HeadRows;
import io.millrace.executor.cpu.op.RelativeScores;
import io.millrace.executor.cpu.op.RelativeScores.Side;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.Sgemm;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The way back through {@link RelativeScores}: of a score's gradient c of query i and key j, whose
 * distance has the row r, {@code dq_i += c K_r}, {@code dK_r += c q_i}, {@code dk_j += c Q_r} and
 * {@code dQ_r += c k_j}. Of a square of tokens gradients of one row are added up first, so that
 * what is left are products. One instance belongs to one worker.
 */
final class RelativeGradient {
    private static final int SQUARE = RelativeScores.SQUARE;
    private static final int MOST_ROWS = RelativeScores.MOST_ROWS;

    private final MemorySegment sums; // [SQUARE, MOST_ROWS]

    /** Takes {@link #scratchBytes} of an arena. */
    RelativeGradient(Arena arena) {
        sums = arena.allocate(scratchBytes(), 64);
    }

    /** Memory of one instance. */
    static long scratchBytes() {
        return (long) SQUARE * MOST_ROWS * Float.BYTES;
    }

    /**
     * Adds to gradients.
     *
     * @param relative the rows, and where their gradients lie
     * @param queries of a tile
     * @param keys of a tile
     * @param ofQueries their gradients, of the same tokens; added to
     * @param ofKeys the same
     * @param dim floats of a head
     * @param changes [queries, keys], gradients of the scores before they are scaled
     * @param stride floats from one row of those to the next
     */
    void add(
            AttentionGradient.Relative relative,
            Side queries,
            Side keys,
            Side ofQueries,
            Side ofKeys,
            int head,
            int dim,
            MemorySegment changes,
            long stride) {
        RelativeScores.Rows rows = relative.rows();
        for (int from = 0; from < keys.count(); from += SQUARE) {
            Square square = new Square(rows, queries, keys.from(from), changes, from, stride);
            if (rows.keys() != null) {
                square.sumOfQueries();
                through(square, queries, ofQueries, rows.keys(), relative.keys(), head, dim);
            }
            if (rows.queries() != null) {
                square.sumOfKeys();
                Side some = square.keys;
                Side of = ofKeys.from(from);
                through(square, some, of, rows.queries(), relative.queries(), head, dim);
            }
        }
    }

    /** Some queries and keys. */
    private final class Square {
        private final RelativeScores.Rows rows;
        private final Side queries;
        private final Side keys;
        private final MemorySegment changes;
        private final int column;
        private final long stride;
        private final int first;
        private final int count;

        Square(
                RelativeScores.Rows rows,
                Side queries,
                Side keys,
                MemorySegment changes,
                int column,
                long stride) {
            this.rows = rows;
            this.queries = queries;
            this.keys = keys;
            this.changes = changes;
            this.column = column;
            this.stride = stride;
            first = rows.row(queries.position() - (keys.position() + keys.count() - 1));
            count =
                    rows.row(queries.position() + queries.count() - 1 - keys.position())
                            - first
                            + 1;
        }

        void sumOfQueries() {
            Rows.zero(sums, 0, (long) queries.count() * MOST_ROWS);
            for (int query = 0; query < queries.count(); query++) {
                for (int key = 0; key < keys.count(); key++) {
                    add(query, query, key);
                }
            }
        }

        void sumOfKeys() {
            Rows.zero(sums, 0, (long) keys.count() * MOST_ROWS);
            for (int query = 0; query < queries.count(); query++) {
                for (int key = 0; key < keys.count(); key++) {
                    add(key, query, key);
                }
            }
        }

        private void add(int token, int query, int key) {
            int distance = queries.position() + query - keys.position() - key;
            long at = (long) token * MOST_ROWS + rows.row(distance) - first;
            float change = CheckedFloats.get(changes, query * stride + column + key);
            CheckedFloats.set(sums, at, CheckedFloats.get(sums, at) + change);
        }
    }

    private void through(
            Square square,
            Side tokens,
            Side ofTokens,
            HeadRows table,
            HeadRows ofTable,
            int head,
            int dim) {
        Sgemm.sgemm(
                false,
                false,
                tokens.count(),
                dim,
                square.count,
                1,
                sums,
                0,
                MOST_ROWS,
                table.segment(),
                table.at(square.first, head),
                table.rowStride(),
                1,
                ofTokens.segment(),
                ofTokens.at(),
                ofTokens.stride());
        Sgemm.sgemm(
                true,
                false,
                square.count,
                dim,
                tokens.count(),
                1,
                sums,
                0,
                MOST_ROWS,
                tokens.segment(),
                tokens.at(),
                tokens.stride(),
                1,
                ofTable.segment(),
                ofTable.at(square.first, head),
                ofTable.rowStride());
    }
}
