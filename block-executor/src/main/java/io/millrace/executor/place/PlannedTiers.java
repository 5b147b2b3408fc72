package io.millrace.executor.place;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.step.Engine;
import io.millrace.memory.BadInputException;
import io.millrace.memory.Ledger;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.Tier;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceOptions;
import io.millrace.memory.device.Devices;
import io.millrace.memory.slice.SliceRing;
import io.millrace.telemetry.SpanRecorder;
import java.util.Optional;

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
    private final Optional<SliceRing> slices;

    private PlannedTiers(
            MemoryConfig config,
            Ledger ledger,
            BlockOrigin origin,
            SpanRecorder spans,
            OwnedResources owned,
            Device device,
            TierPlan tierPlan,
            Optional<SliceRing> slices) {
        this.config = config;
        this.ledger = ledger;
        this.origin = origin;
        this.spans = spans;
        this.owned = owned;
        this.device = device;
        this.tierPlan = tierPlan;
        this.slices = slices;
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
     * @param slices the way to workers of this host that read for each other; outlives this
     * @throws io.millrace.memory.BadInputException when a budget is too small, naming the smallest
     *     that works
     */
    static PlannedTiers plan(
            MemoryConfig config,
            Ledger ledger,
            BlockOrigin origin,
            SpanRecorder spans,
            Engine.Need need,
            boolean writesBack,
            Optional<SliceRing> slices) {
        OwnedResources owned = new OwnedResources();
        try {
            Device device =
                    owned.own(Devices.open(config.device(), ledger, DeviceOptions.defaults()));
            TierPlan tierPlan =
                    TierPlan.of(
                            needs(
                                    config,
                                    origin,
                                    need,
                                    writesBack,
                                    slices.map(SliceRing::sharers).orElse(0)),
                            budgets(ledger).withDevice(device.capacityBytes()));
            return new PlannedTiers(config, ledger, origin, spans, owned, device, tierPlan, slices);
        } catch (RuntimeException | Error e) {
            try (owned) {
                throw e;
            }
        }
    }

    /** What has to be placed, where so many workers of the host read for each other. */
    static TierPlan.Needs needs(
            MemoryConfig config,
            BlockOrigin origin,
            Engine.Need need,
            boolean writesBack,
            int sharers) {
        return new TierPlan.Needs(
                origin.blockBytes(),
                origin.headBytes(),
                origin.layout().order(),
                need,
                config.device().kind().unifiedMemory(),
                config.overlap() ? config.prefetch() : 0,
                writesBack,
                new StreamBuffers(origin.isStoredAsNeeded(), sharers));
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

    /** The way to workers of this host that read for each other. */
    Optional<SliceRing> slices() {
        return slices;
    }

    /**
     * Whether blocks stream, from places that others may read as well, and budgets leave room to do
     * so for so many workers.
     *
     * @param required whether it is to be so even where nothing could run ahead then
     */
    public boolean canShare(int workers, boolean required) {
        boolean streams = tierPlan.placement().homes().contains(Tier.NVME);
        boolean sliced = tierPlan.needs().buffers().direct() || tierPlan.needs().writesBack();
        if (!streams || !sliced) {
            return false;
        }
        try {
            TierPlan shared =
                    TierPlan.of(
                            tierPlan.needs().sharing(workers),
                            budgets(ledger).withDevice(device.capacityBytes()));
            // What runs ahead saves more than a drive that is read once.
            int least = required ? 0 : Math.min(1, tierPlan.placement().prefetch());
            return shared.placement().prefetch() >= least;
        } catch (BadInputException e) {
            return false;
        }
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
