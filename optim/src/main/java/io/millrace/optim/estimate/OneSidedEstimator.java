package io.millrace.optim.estimate;

import java.util.ArrayList;
import java.util.List;

/**
 * Forward differences: the loss L0 at θ, and one at +ε along each of a number of directions, all in
 * one pass over the model. The slope is {@code (L_i − L0) / ε}; or, normalised, {@code (L_i − L0) /
 * σ} with σ the standard deviation of L_1 … L_N over the N directions of the step, after which a
 * learning rate means the same however steep the loss is (FZOO, arXiv 2506.09034, Algorithm 1; the
 * population's deviation, as its published code has it). The loss of a step is L0.
 */
public final class OneSidedEstimator implements Estimator {
    /** The name on the command line and in the journal. */
    public static final String NAME = "one-sided";

    /** A spread that is less than this share of the loss is rounding: such a step does not move. */
    private static final double NO_SPREAD = 1e-12;

    private final QueryCount count;
    private final boolean normalised;

    /**
     * An estimator that asks along so many directions a step.
     *
     * @param count 1 or more; 2 or more where slopes are normalised
     * @param normalised whether slopes are over the spread of the losses in the place of ε
     */
    public OneSidedEstimator(QueryCount count, boolean normalised) {
        this.count = count;
        this.normalised = normalised;
        if (normalised && count.first() < 2) {
            throw new IllegalArgumentException("one loss has no spread");
        }
    }

    /** The same with as many in every step. */
    public OneSidedEstimator(int directions, boolean normalised) {
        this(QueryCount.of(directions), normalised);
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Questions questions() {
        return new Questions(
                List.of(new Questions.Group(1, 1), new Questions.Group(count.most(), 1)),
                count.most());
    }

    @Override
    public Round begin(StepContext step) {
        int directions = count.at(step.epoch());
        long[] seeds = QuerySeeds.of(step.seed(), directions);
        List<Query> queries = new ArrayList<>(directions + 1);
        queries.add(Query.AT_THETA);
        for (long seed : seeds) {
            queries.add(new Query(seed, List.of((float) step.eps())));
        }
        return new Round() {
            @Override
            public List<Query> queries() {
                return List.copyOf(queries);
            }

            @Override
            public Judgement judge(List<double[]> losses) {
                double base = losses.getFirst()[0];
                double[] along = new double[directions];
                for (int query = 0; query < directions; query++) {
                    along[query] = losses.get(query + 1)[0];
                }
                double unit = normalised ? spread(along, base) : step.eps();
                List<QueryResult> results = new ArrayList<>(directions);
                for (int query = 0; query < directions; query++) {
                    double slope = unit == 0 ? 0 : (along[query] - base) / unit;
                    results.add(new QueryResult(seeds[query], List.of(along[query], base), slope));
                }
                return new Judgement.Found(base, results);
            }
        };
    }

    /** The population's standard deviation; 0 where it is nothing but rounding. */
    private static double spread(double[] losses, double base) {
        double spread = Spread.of(losses).deviation();
        return spread < NO_SPREAD * Math.abs(base) ? 0 : spread;
    }
}
