package io.millrace.executor.cpu.gradient.op;

import io.millrace.executor.cpu.op.HeadRows;
import io.millrace.model.spec.HeadColumns;
import io.millrace.model.spec.HeadsSpec;
import java.lang.foreign.MemorySegment;

/**
 * Where queries, keys and values lie, or their gradients.
 *
 * @param q query heads, by their numbers
 * @param k key heads
 * @param v value heads
 */
public record ProjectedHeads(HeadRows q, HeadRows k, HeadRows v) {
    /**
     * Those of one key head in rows of projections: it, its value head and the query heads that
     * share it.
     *
     * @param heads where an architecture lays them
     * @param kvHead the number of the key head
     * @param segment the memory
     * @param offset floats before row 0
     * @param rowStride floats from a row to the next
     * @throws IllegalArgumentException if the query heads that share it are not evenly apart
     */
    public static ProjectedHeads of(
            HeadsSpec heads, int kvHead, MemorySegment segment, long offset, long rowStride) {
        HeadColumns queries = heads.queries();
        int shared = queries.count() / heads.keys().count();
        int first = kvHead * shared;
        int column = queries.column(first);
        int apart = shared == 1 ? 0 : queries.column(first + 1) - column;
        for (int head = 0; head < shared; head++) {
            if (queries.column(first + head) != column + head * apart) {
                throw new IllegalArgumentException(
                        "query heads "
                                + first
                                + " to "
                                + (first + shared - 1)
                                + " are not evenly"
                                + " apart: "
                                + queries);
            }
        }
        return new ProjectedHeads(
                new HeadRows(segment, offset + column - (long) first * apart, rowStride, apart),
                one(segment, offset + heads.keys().column(kvHead), rowStride),
                one(segment, offset + heads.values().column(kvHead), rowStride));
    }

    /** One head, whichever it is called. */
    private static HeadRows one(MemorySegment segment, long offset, long rowStride) {
        return new HeadRows(segment, offset, rowStride, 0);
    }
}
