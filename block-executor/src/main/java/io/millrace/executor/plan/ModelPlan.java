package io.millrace.executor.plan;

import io.millrace.executor.companion.Companions;
import io.millrace.prefetch.Placement;
import io.millrace.prefetch.plan.Forecast;
import io.millrace.prefetch.plan.Machine;
import java.util.List;

/**
 * Where a run's bytes lie and what its steps will cost.
 *
 * @param model whose
 * @param machine where
 * @param options with everything chosen that was left open
 * @param tokensEach tokens of a sequence
 * @param placement of its blocks, and its slots
 * @param memory what it may take and takes
 * @param forecast what a step costs
 * @param counsel what would make steps faster
 */
public record ModelPlan(
        ModelShape model,
        Machine machine,
        PlanOptions options,
        int tokensEach,
        Placement placement,
        Memory memory,
        Forecast forecast,
        Counsel counsel) {
    /** Bytes of scratch memory that hold what is tuned beside the model; 0 where nothing is. */
    public long besideBytes() {
        return options.adapters() * Companions.bytes(model.layout());
    }

    /**
     * Bytes by tier.
     *
     * @param hostBudget that the run may take of host memory
     * @param deviceBudget that it may take of the device's own; 0 where there is none
     * @param hostBytes what it takes of host memory
     * @param deviceBytes what it takes of the device's own
     * @param storeBytes what its store takes on the drive
     * @param scratchBytes of what it takes, what forwards need beside weights
     * @param minimumHostBytes the smallest host budget that works
     * @param minimumDeviceBytes the smallest device budget that works
     */
    public record Memory(
            long hostBudget,
            long deviceBudget,
            long hostBytes,
            long deviceBytes,
            long storeBytes,
            long scratchBytes,
            long minimumHostBytes,
            long minimumDeviceBytes) {}

    /**
     * What would make steps faster.
     *
     * @param hidingTokens tokens a step from which on no transfer would be waited for; 0 where
     *     nothing moves
     * @param advice what to change first, the best first
     * @param sweep steps under other budgets
     */
    public record Counsel(long hidingTokens, List<String> advice, List<SweepPoint> sweep) {
        /** Freezes the lists. */
        public Counsel {
            advice = List.copyOf(advice);
            sweep = List.copyOf(sweep);
        }
    }

    /**
     * A step under other budgets.
     *
     * @param hostBudget bytes of host memory
     * @param deviceBudget bytes of the device's own; 0 where there is none
     * @param stepSeconds of the step
     * @param boundLane what it is bound by
     * @param nvmeBytes read from the drive in a step
     */
    public record SweepPoint(
            long hostBudget,
            long deviceBudget,
            double stepSeconds,
            String boundLane,
            double nvmeBytes) {}
}
