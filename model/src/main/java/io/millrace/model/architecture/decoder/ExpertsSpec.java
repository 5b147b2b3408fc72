package io.millrace.model.architecture.decoder;

import io.millrace.model.spec.ExpertSpec;
import io.millrace.model.spec.GatedUnit;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.RouteSpec;
import java.util.List;

/**
 * A mixture of experts: {@code Σ w_e · down_e(gated(gate_e(x), up_e(x)))} over the experts e that a
 * token chooses, and what a shared expert adds to that.
 *
 * @param router makes a score of each expert
 * @param route how scores choose
 * @param experts in the order of their scores
 * @param unit how the experts' gates meet what they gate
 * @param shared a feed-forward part that every token takes, or null
 * @param sharedGate makes the number whose σ is a factor on what that gives, or null
 */
public record ExpertsSpec(
        LinearSpec router,
        RouteSpec route,
        List<ExpertSpec> experts,
        GatedUnit unit,
        MlpSpec shared,
        LinearSpec sharedGate)
        implements FeedForward {
    /** Freezes the experts. */
    public ExpertsSpec {
        experts = List.copyOf(experts);
    }
}
