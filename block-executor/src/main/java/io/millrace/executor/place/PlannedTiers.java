package io.millrace.executor.place;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.step.Engine;
import io.millrace.memory.Ledger;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.Tier;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceOptions;
import io.millrace.memory.device.Devices;
import io.millrace.telemetry.SpanRecorder;

/**
 * Where a run's blocks will lie, as its budgets decide; of what they need, nothing is allocated.
 * The device is open: its free memory is one of the budgets.
 */
public final class PlannedTiers implements AutoCloseable {
    private final MemoryConfig config;
    private final Ledger ledger;
    private final BlockOrigin origin;
    private final SpanRecorder spans;
    private final OwnedResources owned;
    private final Device device;
    private final TierPlan tierPlan;

    private PlannedTiers(
            MemoryConfig config,
            Ledger ledger,
            BlockOrigin origin,
            SpanRecorder spans,
            OwnedResources owned,
            Device device,
            TierPlan tierPlan) {
        this.config = config;
        this.ledger = ledger;
        this.origin = origin;
        this.spans = spans;
        this.owned = owned;
        this.device = device;
        this.tierPlan = tierPlan;
    }

    /**
     * Decides where blocks lie, without allocating.
     *
     * @param config the budgets
     * @param ledger what everything is charged to
     * @param origin where blocks come from
     * @param spans what transfers are recorded in
     * @param need what else memory has to hold
     * @param writesBack whether blocks change
     * @throws io.millrace.memory.BadInputException when a budget is too small, naming the smallest
     *     that works
     */
    static PlannedTiers plan(
            MemoryConfig config,
            Ledger ledger,
            BlockOrigin origin,
            SpanRecorder spans,
            Engine.Need need,
            boolean writesBack) {
        OwnedResources owned = new OwnedResources();
        try {
            Device device =
                    owned.own(Devices.open(config.device(), ledger, DeviceOptions.defaults()));
            TierPlan tierPlan =
                    TierPlan.of(
                            needs(config, origin, need, writesBack),
                            budgets(ledger).withDevice(device.capacityBytes()));
            return new PlannedTiers(config, ledger, origin, spans, owned, device, tierPlan);
        } catch (RuntimeException | Error e) {
            try (owned) {
                throw e;
            }
        }
    }

    /** What has to be placed. */
    static TierPlan.Needs needs(
            MemoryConfig config, BlockOrigin origin, Engine.Need need, boolean writesBack) {
        return new TierPlan.Needs(
                origin.blockBytes(),
                origin.headBytes(),
                origin.layout().order(),
                need,
                config.device().kind().unifiedMemory(),
                config.overlap() ? config.prefetch() : 0,
                writesBack,
                origin.isStoredAsNeeded());
    }

    /** What it may take. */
    static TierPlan.Budgets budgets(Ledger ledger) {
        return new TierPlan.Budgets(
                ledger.budget(Tier.HOST), ledger.budget(Tier.DEVICE), ledger.budget(Tier.NVME));
    }

    /** What was decided. */
    public TierPlan tierPlan() {
        return tierPlan;
    }

    /** What the store of changed blocks will take on its drive; 0 where there is none. */
    public long storeBytes() {
        return tierPlan.storeBytes();
    }

    /** What computes. */
    Device device() {
        return device;
    }

    MemoryConfig config() {
        return config;
    }

    Ledger ledger() {
        return ledger;
    }

    BlockOrigin origin() {
        return origin;
    }

    SpanRecorder spans() {
        return spans;
    }

    /** Has closing this give back a resource too, before those that were taken earlier. */
    <T extends AutoCloseable> T own(T resource) {
        return owned.own(resource);
    }

    /** Gives back the device and all that was started on it; a second call does nothing. */
    @Override
    public void close() {
        owned.close();
    }
}
