package io.millrace.executor.plan;

import io.millrace.executor.config.Method;
import io.millrace.executor.place.TierPlan;
import io.millrace.memory.BadInputException;
import io.millrace.prefetch.plan.Forecast;
import io.millrace.prefetch.plan.Machine;
import java.util.Optional;

/**
 * What one method would take of a machine.
 *
 * @param method which
 * @param memory what it needs; empty where it is refused before anything is reckoned
 * @param forecast of a step; empty where the method does not fit, or is refused
 * @param refusal why there is no forecast, in the words in which a run would be refused; else empty
 */
public record MethodPlan(
        Method method, Optional<Memory> memory, Optional<Forecast> forecast, String refusal) {
    /**
     * Bytes that it needs, with the micro-batch of its forecast; without one, with the smallest.
     *
     * @param residentHostBytes of host memory, where no block passes through it from a drive
     * @param smallestHostBytes the smallest host budget that works, beside a drive
     * @param smallestDeviceBytes the same of the device's own; 0 where there is none
     * @param stateBytes that the rule keeps of what is trained, in blocks and beside them
     */
    public record Memory(
            long residentHostBytes,
            long smallestHostBytes,
            long smallestDeviceBytes,
            long stateBytes) {}

    /** Plans one, with options that are found to be good. */
    static MethodPlan of(Method method, ModelShape model, PlanOptions options, Machine machine) {
        ModelPlanner planner;
        try {
            planner = ModelPlanner.of(model, options, machine);
            planner.candidates().wholeNeeds(smallest(options)); // refused before anything else
        } catch (BadInputException e) {
            return refused(method, e);
        }
        try {
            PlanCandidates.Candidate best = planner.best(options);
            return new MethodPlan(
                    method,
                    Optional.of(memory(planner, best.options())),
                    Optional.of(best.forecast()),
                    "");
        } catch (BadInputException e) {
            return new MethodPlan(
                    method,
                    Optional.of(memory(planner, smallest(options))),
                    Optional.empty(),
                    e.getMessage());
        }
    }

    /** One that no run would take up. */
    static MethodPlan refused(Method method, BadInputException why) {
        return new MethodPlan(method, Optional.empty(), Optional.empty(), why.getMessage());
    }

    private static PlanOptions smallest(PlanOptions options) {
        return options.withMicroBatch(options.microBatch().orElse(1));
    }

    private static Memory memory(ModelPlanner planner, PlanOptions options) {
        PlanCandidates candidates = planner.candidates();
        TierPlan.Needs least = candidates.smallestNeeds(options);
        long device = candidates.deviceBudget(options.memory());
        return new Memory(
                TierPlan.residentHostBytes(candidates.wholeNeeds(options), device),
                TierPlan.minimumHostBytes(least, device),
                TierPlan.minimumDeviceBytes(least),
                candidates.model().layout().tuned().stateBytes());
    }

    /** Whether the machine can run it within its budgets. */
    public boolean fits() {
        return forecast.isPresent();
    }
}
