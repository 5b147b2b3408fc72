package io.millrace.optim.estimate;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * An evolution strategy: a population of points around θ, whose losses count by how far each is
 * from the mean in units of their standard deviation, {@code l = (L − mean) / (σ + 1e-8)} (arXiv
 * 2509.24372, whose reward is −L). Plain, a member a direction at θ + εz, whose slope is l;
 * mirrored, as in arXiv 2511.16652, two at θ ± εz, with slope {@code (l+ − l−) / 2}. An update of
 * {@code −lr / q Σ slope z} is then the strategy's. The loss of a step is the mean.
 */
public final class PopulationEstimator implements Estimator {
    /** The name on the command line and in the journal. */
    public static final String NAME = "population";

    private static final double ZETA = 1e-8;

    private final QueryCount count;
    private final boolean mirrored;

    /**
     * An estimator that asks along so many directions a step.
     *
     * @param count 1 or more where they are mirrored, else 2 or more
     * @param mirrored whether both sides of a direction are asked for
     */
    public PopulationEstimator(QueryCount count, boolean mirrored) {
        this.count = count;
        this.mirrored = mirrored;
        if (count.first() < 2 && !mirrored) {
            throw new IllegalArgumentException("one loss is no population");
        }
    }

    /** The same with as many in every step. */
    public PopulationEstimator(int directions, boolean mirrored) {
        this(QueryCount.of(directions), mirrored);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Questions questions() {
        return Questions.each(count.most(), mirrored ? 2 : 1);
    }

    @Override
    public Round begin(StepContext step) {
        int directions = count.at(step.epoch());
        float eps = (float) step.eps();
        List<Float> scales = mirrored ? List.of(eps, -eps) : List.of(eps);
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
                double[] members = losses.stream().flatMapToDouble(Arrays::stream).toArray();
                Spread spread = Spread.of(members);
                List<QueryResult> results = new ArrayList<>(directions);
                for (int query = 0; query < directions; query++) {
                    double[] own = losses.get(query);
                    double slope = standing(own[0], spread);
                    if (mirrored) {
                        slope = (slope - standing(own[1], spread)) / 2;
                    }
                    results.add(
                            new QueryResult(
                                    queries.get(query).seed(),
                                    Arrays.stream(own).boxed().toList(),
                                    slope));
                }
                return new Judgement.Found(spread.mean(), results);
            }
        };
    }

    private static double standing(double loss, Spread spread) {
        return (loss - spread.mean()) / (spread.deviation() + ZETA);
    }
}
