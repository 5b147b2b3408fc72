package io.millrace.model.spec;

/**
 * The heads of attention in a row of projections, wherever an architecture lays them.
 *
 * @param dim elements of a query or key head
 * @param queries the query heads
 * @param keys the key heads; their number divides that of the queries
 * @param values the value heads, as many as there are of keys
 * @param valueDim elements of a value head
 */
public record HeadsSpec(
        int dim, HeadColumns queries, HeadColumns keys, HeadColumns values, int valueDim) {
    /** Heads of one size. */
    public HeadsSpec(int dim, HeadColumns queries, HeadColumns keys, HeadColumns values) {
        this(dim, queries, keys, values, dim);
    }

    /**
     * Queries first, then keys, then values, head by head.
     *
     * @param queries number of query heads
     * @param keys number of key heads, and of value heads
     * @param dim elements of a head
     */
    public static HeadsSpec inOrder(int queries, int keys, int dim) {
        return new HeadsSpec(
                dim,
                new HeadColumns(queries, 0, dim),
                new HeadColumns(keys, queries * dim, dim),
                new HeadColumns(keys, (queries + keys) * dim, dim));
    }

    /** Query, key and value of a head beside each other, head by head (GPT-NeoX). */
    public static HeadsSpec interleaved(int heads, int dim) {
        return new HeadsSpec(
                dim,
                new HeadColumns(heads, 0, 3 * dim),
                new HeadColumns(heads, dim, 3 * dim),
                new HeadColumns(heads, 2 * dim, 3 * dim));
    }

    /**
     * The query heads that share a key head, then that, then its value head, group by group
     * (Falcon).
     *
     * @param queries number of query heads
     * @param keys number of key heads, and of value heads
     * @param dim elements of a head
     */
    public static HeadsSpec grouped(int queries, int keys, int dim) {
        int shared = queries / keys;
        int stride = (shared + 2) * dim;
        return new HeadsSpec(
                dim,
                new HeadColumns(queries, 0, stride, shared, dim),
                new HeadColumns(keys, shared * dim, stride),
                new HeadColumns(keys, (shared + 1) * dim, stride));
    }

    /** Elements of a row of what attention gives. */
    public int contextWidth() {
        return queries.count() * valueDim;
    }
}
