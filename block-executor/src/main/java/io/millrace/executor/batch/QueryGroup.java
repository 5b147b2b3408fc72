package io.millrace.executor.batch;

import io.millrace.optim.estimate.Query;
import java.util.ArrayList;
import java.util.List;

/**
 * Queries of a pass that go through a block together: their scales are numbered through, and one
 * product with a stored matrix takes the rows of all of them. Only directions that leave the matrix
 * as it is allow that; with others a group is one query.
 *
 * @param first index of the first of them in the pass
 * @param queries one after another
 */
public record QueryGroup(int first, List<Query> queries) {
    /** Freezes the list. */
    public QueryGroup {
        queries = List.copyOf(queries);
    }

    /**
     * Cuts a pass, in order.
     *
     * @param queries of the pass
     * @param scalesAtOnce the most scales of a group; 0 where each query goes alone
     */
    public static List<QueryGroup> cut(List<Query> queries, int scalesAtOnce) {
        List<QueryGroup> groups = new ArrayList<>();
        int first = 0;
        while (first < queries.size()) {
            int end = first + 1;
            int scales = queries.get(first).scales().size();
            while (end < queries.size()
                    && scales + queries.get(end).scales().size() <= scalesAtOnce) {
                scales += queries.get(end++).scales().size();
            }
            groups.add(new QueryGroup(first, queries.subList(first, end)));
            first = end;
        }
        return groups;
    }

    /** Scales of all of them. */
    public int scaleCount() {
        return scales(queries);
    }

    /** Scales of some queries. */
    public static int scales(List<Query> queries) {
        int scales = 0;
        for (int query = 0; query < queries.size(); query++) {
            scales += queries.get(query).scales().size();
        }
        return scales;
    }
}
