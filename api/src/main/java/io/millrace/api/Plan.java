package io.millrace.api;

import io.millrace.executor.plan.ModelPlan;
import java.util.List;

/**
 * What a run would take and cost.
 *
 * @param stepSeconds of a step, as reckoned
 * @param boundLane what it would be bound by: {@code compute}, {@code nvme-read}, …
 * @param homes of the blocks in order: {@code device}, {@code host} or {@code nvme}
 * @param bytes what it would take
 * @param advice what to change first to be faster, the best first
 */
public record Plan(
        double stepSeconds, String boundLane, List<String> homes, Bytes bytes, List<String> advice) {
    /**
     * Bytes by tier.
     *
     * @param host of host memory
     * @param device of the device's own memory
     * @param nvme of the drive
     * @param minimumHost the smallest host budget that works
     * @param minimumDevice the smallest device budget that works
     */
    public record Bytes(long host, long device, long nvme, long minimumHost, long minimumDevice) {}

    /** Freezes the lists. */
    public Plan {
        homes = List.copyOf(homes);
        advice = List.copyOf(advice);
    }

    static Plan of(ModelPlan plan) {
        ModelPlan.Memory memory = plan.memory();
        return new Plan(
                plan.forecast().stepSeconds(),
                plan.forecast().boundLane().label(),
                plan.placement().homes().stream().map(tier -> tier.label()).toList(),
                new Bytes(
                        memory.hostBytes(),
                        memory.deviceBytes(),
                        memory.storeBytes(),
                        memory.minimumHostBytes(),
                        memory.minimumDeviceBytes()),
                plan.counsel().advice());
    }
}
