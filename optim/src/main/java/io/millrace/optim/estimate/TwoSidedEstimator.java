package io.millrace.optim.estimate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Central differences: losses at +ε and −ε along each of a number of directions, and {@code g = (L+
 * − L−) / 2ε} (MeZO, arXiv 2305.17333, Algorithm 1 and its n-SPSA). The loss of a step is the mean
 * of all of them.
 */
public final class TwoSidedEstimator implements Estimator {
    /** The name on the command line and in the journal. */
    public static final String NAME = "two-sided";

    private final QueryCount count;

    /**
     * An estimator that asks along so many directions a step.
     *
     * @param count 1 or more
     */
    public TwoSidedEstimator(QueryCount count) {
        this.count = count;
    }

    /** The same with as many in every step. */
    public TwoSidedEstimator(int directions) {
        this(QueryCount.of(directions));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Questions questions() {
        return Questions.each(count.most(), 2);
    }

    @Override
    public Round begin(StepContext step) {
        int directions = count.at(step.epoch());
        List<Float> scales = List.of((float) step.eps(), (float) -step.eps());
        List<Query> queries =
                Arrays.stream(QuerySeeds.of(step.seed(), directions))
                        .mapToObj(seed -> new Query(seed, scales))
                        .toList();
        return new Round() {
            @Override
            public List<Query> queries() {
                return queries;
            }

            @Override
            public Judgement judge(List<double[]> losses) {
                List<QueryResult> results = new ArrayList<>(directions);
                for (int query = 0; query < directions; query++) {
                    double plus = losses.get(query)[0];
                    double minus = losses.get(query)[1];
                    double slope = (plus - minus) / (2 * step.eps());
                    results.add(
                            QueryResult.twoSided(queries.get(query).seed(), plus, minus, slope));
                }
                return new Judgement.Found(loss(results), results);
            }
        };
    }

    /** The mean of L+ and L− over queries that have both. */
    public static double loss(List<QueryResult> queries) {
        double loss = 0;
        for (QueryResult query : queries) {
            loss += (query.losses().get(0) + query.losses().get(1)) / 2 / queries.size();
        }
        return loss;
    }
}
