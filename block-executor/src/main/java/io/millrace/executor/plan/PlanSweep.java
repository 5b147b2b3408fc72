package io.millrace.executor.plan;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.place.TierPlan;
import io.millrace.memory.host.HostMemory;
import io.millrace.telemetry.Lane;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.OptionalLong;
import java.util.TreeSet;

/** The same run under other budgets, from the smallest that work to those that hold everything. */
final class PlanSweep {
    private static final int HOST_POINTS = 10;
    private static final int DEVICE_POINTS = 3;

    private final PlanCandidates candidates;
    private final PlanOptions options;
    private final TierPlan.Needs needs;
    private final long blocks;

    PlanSweep(PlanCandidates candidates, PlanOptions options) {
        this.candidates = candidates;
        this.options = options;
        needs = candidates.needs(options);
        blocks = needs.blockBytes().stream().mapToLong(HostMemory::pageBytes).sum();
    }

    /** By device budget, then by host budget. */
    List<ModelPlan.SweepPoint> points() {
        List<ModelPlan.SweepPoint> points = new ArrayList<>();
        for (long device : deviceBudgets()) {
            for (long host : hostBudgets()) {
                candidates
                        .tryCandidate(options.withMemory(withBudgets(host, device)))
                        .ifPresent(found ->
                                points.add(
                                        new ModelPlan.SweepPoint(
                                                host,
                                                device,
                                                found.forecast().stepSeconds(),
                                                found.forecast().boundLane().label(),
                                                found.forecast().bytes().get(Lane.NVME_READ))));
            }
        }
        return points;
    }

    private NavigableSet<Long> deviceBudgets() {
        TreeSet<Long> budgets = new TreeSet<>();
        long own = candidates.deviceBudget(options.memory());
        budgets.add(own);
        if (!needs.unified()) {
            long most = Math.min(own, needs.scratchBytes() + blocks);
            budgets.addAll(between(TierPlan.minimumDeviceBytes(needs), most, DEVICE_POINTS));
        }
        return budgets;
    }

    private NavigableSet<Long> hostBudgets() {
        TreeSet<Long> budgets = new TreeSet<>();
        // What every device budget can do with.
        long least = TierPlan.minimumHostBytes(candidates.smallestNeeds(options), 0);
        budgets.addAll(between(least, needs.scratchOnHost() + blocks, HOST_POINTS));
        budgets.add(candidates.hostBudget(options.memory()));
        return budgets;
    }

    /** Budgets from one to another, each the same factor above the last. */
    private static List<Long> between(long least, long most, int points) {
        List<Long> budgets = new ArrayList<>();
        double ratio = Math.max(1, (double) most / least);
        for (int i = 0; i < points; i++) {
            double exact = least * Math.pow(ratio, i / (points - 1.0));
            budgets.add(i == points - 1 ? Math.max(least, most) : Math.round(exact));
        }
        return budgets;
    }

    private MemoryConfig withBudgets(long host, long device) {
        MemoryConfig memory = options.memory();
        return new MemoryConfig(
                memory.device(),
                device == 0 ? OptionalLong.empty() : OptionalLong.of(device),
                OptionalLong.of(host),
                memory.nvmeDir(),
                memory.nvmeBudget(),
                memory.prefetch(),
                memory.overlap());
    }
}
