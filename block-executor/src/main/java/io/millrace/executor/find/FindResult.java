package io.millrace.executor.find;

import java.util.List;

/**
 * What was tried and what is proposed.
 *
 * @param epsTrials in order of ε; none where steps go along the gradient
 * @param rateTrials in order of the learning rate
 * @param eps the ε proposed
 * @param lr the learning rate proposed
 * @param best the learning rate with the lowest held-out loss after its steps
 */
public record FindResult(
        List<EpsTrial> epsTrials, List<RateTrial> rateTrials, double eps, double lr, double best) {
    /** Freezes the lists. */
    public FindResult {
        epsTrials = List.copyOf(epsTrials);
        rateTrials = List.copyOf(rateTrials);
    }
}
