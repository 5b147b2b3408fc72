package io.millrace.executor.plan;

import io.millrace.executor.config.data.Parallel;
import java.util.ArrayList;
import java.util.List;

/** Plans of one run for several workers, a micro-batch each where nobody chose one. */
public final class SpreadPlans {
    private static final double WORTH = 1.02; // of the speed: each micro-batch forms weights anew

    private final List<SpreadPlan> plans = new ArrayList<>();

    /**
     * Of a plan for one worker.
     *
     * @param chosen whether its micro-batch was asked for; else smaller ones are looked at too
     * @throws io.millrace.memory.BadInputException where its steps are not for several
     */
    public SpreadPlans(ModelPlan plan, boolean chosen) {
        plans.add(new SpreadPlan(plan));
        int size = plan.options().microBatch().orElseThrow();
        while (size > 1 && !chosen) {
            size = (size + 1) / 2;
            ModelPlanner.again(plan, size).map(SpreadPlan::new).ifPresent(plans::add);
        }
    }

    /** The plan for one worker. */
    public SpreadPlan alone() {
        return plans.getFirst();
    }

    /** The one with the fastest step. */
    public SpreadPlan best(Parallel mode, int workers, Network network) {
        SpreadPlan best = alone();
        double least = best.step(mode, workers, network).seconds();
        for (SpreadPlan plan : plans) {
            double seconds = plan.step(mode, workers, network).seconds();
            if (seconds * WORTH < least) {
                best = plan;
                least = seconds;
            }
        }
        return best;
    }
}
