package io.millrace.prefetch.plan;

import java.util.List;

/**
 * What a step computes, in order of visits.
 *
 * @param visits every visit that is expected to come
 * @param tokens tokens of the batch
 * @param foldEvery steps from one that folds to the next
 */
public record StepWork(List<VisitWork> visits, long tokens, int foldEvery) {
    /** Freezes the list. */
    public StepWork {
        visits = List.copyOf(visits);
    }

    /** The same for several runs that compute it, one after another, at each block. */
    public StepWork times(int runs) {
        return runs == 1
                ? this
                : new StepWork(
                        visits.stream().map(visit -> visit.times(runs)).toList(),
                        tokens * runs,
                        foldEvery);
    }

    /** Multiplications and additions with weights in a step. */
    public double matmulFlops() {
        return visits.stream()
                .flatMap(visit -> visit.folding().stream())
                .mapToDouble(operation ->
                        operation instanceof Operation.Matmul matmul ? matmul.flops() : 0)
                .sum();
    }
}
