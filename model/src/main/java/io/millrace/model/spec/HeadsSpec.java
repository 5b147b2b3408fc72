package io.millrace.model.spec;

/**
 * The heads of attention in a row of projections, wherever an architecture lays them.
 *
 * @param dim elements of a head
 * @param queries the query heads
 * @param keys the key heads; their number divides that of the queries
 * @param values the value heads, as many as there are of keys
 */
public record HeadsSpec(int dim, HeadColumns queries, HeadColumns keys, HeadColumns values) {
    /** Elements of a row of what attention gives. */
    public int contextWidth() {
        return queries.count() * dim;
    }
}
