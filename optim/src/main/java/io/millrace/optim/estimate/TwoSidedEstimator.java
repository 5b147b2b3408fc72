package io.millrace.optim.estimate;

import io.millrace.optim.random.SplitMix64;
import java.util.ArrayList;
import java.util.List;

/** Central differences: losses at +ε and −ε along each of a number of directions. */
public final class TwoSidedEstimator implements Estimator {
    private final int queries;

    /**
     * An estimator that asks along so many directions a step.
     *
     * @param queries 1 or more
     */
    public TwoSidedEstimator(int queries) {
        if (queries < 1) {
            throw new IllegalArgumentException("queries must be 1 or more, not " + queries);
        }
        this.queries = queries;
    }

    @Override
    public List<Probe> probes(long stepSeed, double eps) {
        List<Float> scales = List.of((float) eps, (float) -eps);
        List<Probe> probes = new ArrayList<>(queries);
        for (int query = 1; query <= queries; query++) {
            long seed = queries == 1 ? stepSeed : SplitMix64.output(stepSeed, query);
            probes.add(new Probe(seed, scales));
        }
        return List.copyOf(probes);
    }

    @Override
    public List<QueryResult> results(List<Probe> probes, List<double[]> losses, double eps) {
        if (probes.size() != losses.size()) {
            throw new IllegalArgumentException(
                    losses.size() + " answers to " + probes.size() + " probes");
        }
        List<QueryResult> results = new ArrayList<>(probes.size());
        for (int i = 0; i < probes.size(); i++) {
            double plus = losses.get(i)[0];
            double minus = losses.get(i)[1];
            results.add(
                    new QueryResult(probes.get(i).seed(), plus, minus, (plus - minus) / (2 * eps)));
        }
        return List.copyOf(results);
    }
}
