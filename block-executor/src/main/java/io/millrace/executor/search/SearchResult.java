package io.millrace.executor.search;

import io.millrace.executor.run.EvalResult;
import java.util.List;

/**
 * How a search ended.
 *
 * @param base the objective at θ itself
 * @param scores of all directions, the best first
 * @param kept how many of them the result is the mean of
 * @param before the base on held-out data, or null
 * @param after the result there, or null
 * @param interrupted whether it was asked to stop, and can go on
 */
public record SearchResult(
        double base,
        List<DirectionScore> scores,
        int kept,
        EvalResult before,
        EvalResult after,
        boolean interrupted) {
    /** Freezes the scores. */
    public SearchResult {
        scores = List.copyOf(scores);
    }
}
