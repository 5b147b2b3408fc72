package io.millrace.executor.objective;

import io.millrace.optim.estimate.Query;
import java.util.ArrayList;
import java.util.List;

/** One number for each scale of each query. */
@FunctionalInterface
interface ScaleValues {
    /** The number of a query's scale. */
    double of(int query, int scale);

    /** All of them, as an estimator takes them. */
    static List<double[]> of(List<Query> queries, ScaleValues each) {
        List<double[]> values = new ArrayList<>(queries.size());
        for (int query = 0; query < queries.size(); query++) {
            double[] ofQuery = new double[queries.get(query).scales().size()];
            for (int scale = 0; scale < ofQuery.length; scale++) {
                ofQuery[scale] = each.of(query, scale);
            }
            values.add(ofQuery);
        }
        return values;
    }
}
