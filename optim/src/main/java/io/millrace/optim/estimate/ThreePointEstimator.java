package io.millrace.optim.estimate;

import java.util.ArrayList;
import java.util.List;

/**
 * Central differences, and beside them the loss L0 at θ, which is asked for once a step: {@code g =
 * (L+ − L−) / 2ε}, and whoever reads the record may take the curvature {@code L+ + L− − 2 L0} along
 * the direction from it (HiZOO, arXiv 2402.15173, Algorithm 1). The loss of a step is L0.
 */
public final class ThreePointEstimator implements Estimator {
    /** The name on the command line and in the journal. */
    public static final String NAME = "three-point";

    private final QueryCount count;

    /**
     * An estimator that asks along so many directions a step.
     *
     * @param count 1 or more
     */
    public ThreePointEstimator(QueryCount count) {
        this.count = count;
    }

    /** The same with as many in every step. */
    public ThreePointEstimator(int directions) {
        this(QueryCount.of(directions));
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Questions questions() {
        return new Questions(
                List.of(new Questions.Group(1, 1), new Questions.Group(count.most(), 2)),
                count.most());
    }

    @Override
    public Round begin(StepContext step) {
        int directions = count.at(step.epoch());
        float eps = (float) step.eps();
        List<Query> queries = new ArrayList<>(directions + 1);
        queries.add(Query.AT_THETA);
        for (long seed : QuerySeeds.of(step.seed(), directions)) {
            queries.add(new Query(seed, List.of(eps, -eps)));
        }
        return new Round() {
            @Override
            public List<Query> queries() {
                return List.copyOf(queries);
            }

            @Override
            public Judgement judge(List<double[]> losses) {
                double base = losses.getFirst()[0];
                List<QueryResult> results = new ArrayList<>(directions);
                for (int query = 1; query <= directions; query++) {
                    double plus = losses.get(query)[0];
                    double minus = losses.get(query)[1];
                    double slope = (plus - minus) / (2 * step.eps());
                    results.add(
                            new QueryResult(
                                    queries.get(query).seed(), List.of(plus, minus, base), slope));
                }
                return new Judgement.Found(base, results);
            }
        };
    }
}
