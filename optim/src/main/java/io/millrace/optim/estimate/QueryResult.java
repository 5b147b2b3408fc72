package io.millrace.optim.estimate;

import java.util.List;

/**
 * What one query of a step found.
 *
 * @param seed the direction's seed
 * @param losses the losses along the direction, in the order in which the estimator asks: for a
 *     two-sided one L(θ + εz), L(θ − εz)
 * @param projectedGrad the slope along z
 */
public record QueryResult(long seed, List<Double> losses, double projectedGrad) {
    /** Freezes the losses. */
    public QueryResult {
        losses = List.copyOf(losses);
    }

    /** The result of a two-sided query. */
    public static QueryResult twoSided(long seed, double plus, double minus, double projectedGrad) {
        return new QueryResult(seed, List.of(plus, minus), projectedGrad);
    }

    /** Whether all that was found are numbers. */
    public boolean isFinite() {
        return losses.stream().allMatch(Double::isFinite) && Double.isFinite(projectedGrad);
    }
}
