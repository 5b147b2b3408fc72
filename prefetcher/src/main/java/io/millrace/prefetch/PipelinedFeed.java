package io.millrace.prefetch;

import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.Sequence;
import io.millrace.memory.StreamFailedException;
import io.millrace.memory.Tier;
import io.millrace.memory.device.DeviceStream;
import io.millrace.memory.nvme.BlockRead;
import io.millrace.telemetry.Lane;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeoutException;
import java.util.function.IntPredicate;

/**
 * Streams blocks through the tiers while the caller computes: a ring of visits that each lane
 * passes in order, with the slots of a {@link Placement} as credits.
 *
 * <pre>
 *   nvme-read --&gt; h2d --&gt; compute (the caller) --&gt; d2h --&gt; nvme-write
 *       \______ host slots ______________________________________/
 *                  \__ device slots ___________/
 * </pre>
 *
 * <p>Lanes run ahead over the end of a pass into those that are expected as far as slots allow; the
 * first pass, and those after it unless something else was said, visit what the placement was made
 * for. Only blocks that were changed go back, and only those that do not stay where they are;
 * {@link #flush} writes the others. One thread begins passes, acquires, closes leases, flushes and
 * closes; one lease is open at a time. On a device that computes on host memory there are no copies
 * and no lanes for them: a lease shows the host slot itself.
 *
 * <p>The first failure of a lane ends all of them, and every later call says so.
 */
public final class PipelinedFeed implements BlockFeed {
    private final Placement placement;
    private final FeedPorts ports;
    private final FeedOptions options;
    private final PipelineMonitor monitor = new PipelineMonitor();
    private final VisitRing visits;
    private final BlockMemory memory;
    private final BlockTable table;
    private final List<AutoCloseable> owned = new ArrayList<>();
    private final List<LaneThread> lanes = new ArrayList<>();
    private final Sequence computed = new Sequence();
    private final Sequence arrived; // of the last lane before the computation
    private final Sequence retired; // of the last lane
    private final Optional<BlockSink.Writer> flushWriter;
    private final long[]
            settled; // where in the ring the visit is after which a block was last to settle, or −1
    private final CopyTimes flushTimes = new CopyTimes();
    private final VisitRing.Early early;
    private Optional<Lanes.Write> writeLane = Optional.empty();
    private Lease open;
    private boolean settleNext;
    private boolean settling;
    private boolean closed;

    /**
     * Allocates the memory that a placement asks for and starts the lanes, which read ahead from
     * the first {@link #acquire} on.
     */
    public PipelinedFeed(Placement placement, FeedPorts ports, FeedOptions options) {
        this.placement = placement;
        this.ports = ports;
        this.options = options;
        requireMatch();
        settled = new long[placement.homes().size()];
        Arrays.fill(settled, -1);
        visits = new VisitRing(monitor, placement, options.firstStep());
        memory = own(new BlockMemory(placement, ports.host(), ports.device()));
        try {
            int blocks = placement.homes().size();
            table = new BlockTable(monitor, memory, placement);
            table.find(ports.source(), blocks);
            early = new VisitRing.Early(placement, memory, table, visits);
            ports.device().ifPresent(this::ownEvents);
            RingBuffer<Visit> ring = visits.ring();
            LaneThread.Site site = new LaneThread.Site(ring, monitor, table, memory, ports.spans());
            BlockRead reader = own(ports.source().newRead());
            arrived = addArrivingLanes(site, reader);
            flushWriter = ports.sink().map(sink -> own(sink.newWriter()));
            retired = addLeavingLanes(site);
            ring.addGatingSequences(retired);
            lanes.forEach(lane -> lane.thread().start());
        } catch (RuntimeException | Error e) {
            monitor.stop();
            closeOwned(e);
            throw e;
        }
    }

    private void requireMatch() {
        if (placement.request().isUnified() != ports.device().isEmpty()) {
            throw new IllegalArgumentException(
                    "the placement and the ports differ in whether the device has its own memory");
        }
        if (ports.sink().isEmpty() && placement.homes().contains(Tier.NVME)) {
            throw new IllegalArgumentException("blocks that do not stay need a sink");
        }
    }

    private <T extends AutoCloseable> T own(T resource) {
        owned.add(resource);
        return resource;
    }

    private void ownEvents(DevicePort device) {
        RingBuffer<Visit> ring = visits.ring();
        for (int i = 0; i < ring.getBufferSize(); i++) {
            ring.get(i).computed = own(device.newEvent());
        }
        owned.add(this::awaitComputation);
    }

    /** Before memory is freed, so that none is that the device still computes on. */
    private void awaitComputation() {
        try {
            RingBuffer<Visit> ring = visits.ring();
            for (int i = 0; i < ring.getBufferSize(); i++) {
                ring.get(i).computed.synchronize();
            }
        } catch (StreamFailedException e) {
            // Nothing computes on a device that has failed.
            monitor.fail("the device failed", e);
        }
    }

    private Sequence addArrivingLanes(LaneThread.Site site, BlockRead reader) {
        Sequence last = add(new Lanes.Read(site, reader));
        return ports.device().isEmpty()
                ? last
                : add(new Lanes.Upload(site, ports.device().get(), last));
    }

    private Sequence addLeavingLanes(LaneThread.Site site) {
        Sequence last = computed;
        if (ports.device().isPresent()) {
            last = add(new Lanes.Download(site, ports.device().get(), last));
        }
        if (ports.sink().isPresent()) {
            BlockSink.Writer writer = own(ports.sink().get().newWriter());
            writeLane = Optional.of(new Lanes.Write(site, writer, ports.journal(), last));
            last = add(writeLane.get());
        }
        return last;
    }

    private Sequence add(LaneThread lane) {
        lanes.add(lane);
        return lane.sequence();
    }

    @Override
    public void begin(VisitPlan plan, VisitPlan next) {
        monitor.requireSound();
        requireNoLease();
        visits.begin(plan, next);
        early.begun();
        settling = settleNext;
        settleNext = false;
    }

    @Override
    public void foresee(IntPredicate comes) {
        if (options.overlap() && open != null) {
            early.foresee(comes);
        }
    }

    @Override
    public void decide(IntPredicate comes) {
        monitor.requireSound();
        requireNoLease();
        if (visits.isPassOver()) {
            begin(visits.expected());
        }
        visits.decide(comes);
        // Reading begins now, and not first when somebody waits for it.
        if (!visits.isPassOver() && !visits.isNextDropped() && visits.hasRoomForNext()) {
            visits.publish(options.overlap());
        }
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalStateException when the block is not the next of the visits, or a lease is
     *     open
     * @throws FeedException the first failure of any lane, or a stall that names the stuck one
     */
    @Override
    public BlockLease acquire(int block) {
        monitor.requireSound();
        requireNoLease();
        if (visits.isPassOver()) {
            begin(visits.expected());
        }
        if (block != visits.nextBlock()) {
            throw new IllegalStateException(
                    "the next visit is to block "
                            + visits.nextBlock()
                            + ", and block "
                            + block
                            + " was asked");
        }
        passDropped();
        if (!visits.hasRoomForNext()) {
            await(retired, visits.position() - visits.ring().getBufferSize(), "block " + block);
        }
        visits.publish(options.overlap());
        await(arrived, visits.position(), "block " + block);
        early.visited(block);
        if (settled[block] >= 0) {
            // Bytes that are being written must not change.
            await(retired, settled[block], "the write-back of block " + block);
            settled[block] = -1;
        }
        open = new Lease(visits.next(), table.onDevice(block), table.version(block));
        return open;
    }

    /** Gives back what was claimed for visits that did not come; what came ahead is kept. */
    private void passDropped() {
        while (visits.isNextDropped() || visits.isNextEarly()) {
            Visit visit = visits.next();
            await(arrived, visits.position(), "block " + visit.block + " that is not visited");
            if (visit.dropped) {
                table.giveBack(visit);
            } else {
                early.passed(visit.block);
            }
            computed.set(visits.passDropped());
            monitor.signalAllWhenBlocking();
        }
    }

    /**
     * Asks for the blocks that stay, where they have changed, to be written during the next pass as
     * each was computed: after a kill they need not be made from their oldest version. Nobody waits
     * for it, unless the write lane is a whole pass behind. Nothing where there is no drive.
     */
    public void settle() {
        settleNext = ports.sink().isPresent();
    }

    /**
     * How long the write lane should need for what {@link #settle} asks for, as the last such write
     * went; 0 before the first, and where nothing stays.
     */
    public double settleSeconds() {
        long bytes = 0;
        for (int block = 0; block < settled.length; block++) {
            bytes += placement.homes().get(block) == Tier.NVME ? 0 : memory.blockBytes(block);
        }
        return writeLane.map(lane -> lane.stayingSecondsPerByte()).orElse(0.0) * bytes;
    }

    /** Waits until every change is written and durable; called when no lease is open. */
    public void flush() {
        monitor.requireSound();
        requireNoLease();
        boolean staged = placement.stagingBytes() > 0;
        if (staged && visits.isWithinPass()) {
            throw new IllegalStateException(
                    "blocks that stay on the device are written between passes, not after visit "
                            + visits.place());
        }
        if (staged) {
            reserveStaging();
        }
        drain();
        if (ports.sink().isPresent()) {
            writeAll(ports.sink().get());
        }
        if (staged) {
            table.releaseStaging();
        }
    }

    /** Where one comes through staging for a pass that is expected, it may be long in coming. */
    private void reserveStaging() {
        if (!table.reserveStaging()) {
            visits.dropExpected();
            passDropped();
            if (!table.reserveStaging()) {
                throw new IllegalStateException("staging is held although no lane moves anything");
            }
        }
    }

    private void writeAll(BlockSink sink) {
        try {
            for (int block = 0; block < placement.homes().size(); block++) {
                if (table.isDirty(block)) {
                    writeNow(block);
                }
            }
            sink.sync();
        } catch (RuntimeException | Error e) {
            monitor.fail("flush failed", e);
            monitor.requireSound();
        }
    }

    /** Waits until all that is on its way to the drive is there. */
    void drain() {
        await(retired, visits.position() - 1, "write-backs");
    }

    /** Blocks that stay, and those that the next pass has already claimed. */
    private void writeNow(int block) {
        long step = visits.step();
        long bytes = memory.blockBytes(block);
        MemorySegment host = table.onHost(block);
        if (table.isDeviceDirty(block)) {
            long token = ports.spans().begin(Lane.D2H, block, step);
            MemorySegment target = host.asSlice(0, bytes);
            ports.device().orElseThrow().download(table.onDevice(block), target, flushTimes);
            ports.spans().end(token, flushTimes.beganNs(), flushTimes.endedNs(), bytes);
        }
        long version = table.version(block);
        ports.journal().await(version);
        long token = ports.spans().begin(Lane.NVME_WRITE, block, step);
        flushWriter.orElseThrow().write(block, host, version);
        ports.spans().end(token, bytes);
        table.cleaned(block);
    }

    private void requireNoLease() {
        if (open != null) {
            throw new IllegalStateException(
                    "the lease of block " + open.visit.block + " is still open");
        }
    }

    private void await(Sequence lane, long sequence, String what) {
        try {
            if (!monitor.awaitPassed(lane, sequence, options.stallLimit().toNanos())) {
                String wanted = "nothing moved while the computation waited for " + what;
                monitor.fail(wanted, new TimeoutException(stall()));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting for " + what, e);
        }
        monitor.requireSound();
    }

    /** The lane that is stuck first, then the others. */
    private String stall() {
        List<String> outside = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (LaneThread lane : lanes) {
            (lane.activity().isOutside() ? outside : others).add(lane.describe());
        }
        outside.addAll(others);
        return String.join("; ", outside);
    }

    /**
     * Lets transfers under way end, drops what was not begun, and frees everything. What {@link
     * #flush} has not written is lost here; the journal still has it.
     *
     * @throws IllegalStateException naming a lane that does not end; its memory is then never
     *     freed, for it may still be written
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        monitor.stop();
        List<String> stuck =
                lanes.stream()
                        .filter(lane -> !lane.ends(options.stallLimit()))
                        .map(LaneThread::describe)
                        .toList();
        if (!stuck.isEmpty()) {
            throw new IllegalStateException("not closed: " + String.join("; ", stuck));
        }
        RuntimeException failure = new IllegalStateException("the block feed did not close");
        closeOwned(failure);
        if (failure.getSuppressed().length > 0) {
            throw failure;
        }
    }

    private void closeOwned(Throwable failure) {
        for (AutoCloseable resource : owned.reversed()) {
            try {
                resource.close();
            } catch (Exception e) {
                failure.addSuppressed(e);
            }
        }
    }

    /** Slots lent now, of both tiers. */
    int lentSlots() {
        return table.lentSlots();
    }

    private final class Lease implements BlockLease {
        private final Visit visit;
        private final DevicePort.Region region;
        private MemorySegment weights; // made when first asked for
        private long foldedThrough;
        private boolean changed;
        private boolean returned;

        Lease(Visit visit, DevicePort.Region region, long foldedThrough) {
            this.visit = visit;
            this.region = region;
            this.foldedThrough = foldedThrough;
        }

        @Override
        public MemorySegment weights() {
            if (weights == null) {
                weights = region.segment().asSlice(0, memory.blockBytes(visit.block));
            }
            return weights;
        }

        @Override
        public long address() {
            return region.address();
        }

        @Override
        public void releaseAfter(DeviceStream stream) {
            if (visit.computed != null) {
                stream.record(visit.computed);
                visit.releaseLater = true;
            }
        }

        @Override
        public long foldedThrough() {
            return foldedThrough;
        }

        @Override
        public void markFolded(long throughStep, boolean changes) {
            if (returned || throughStep < foldedThrough) {
                throw new IllegalStateException(
                        "block "
                                + visit.block
                                + " holds step "
                                + foldedThrough
                                + " and cannot go to "
                                + throughStep
                                + (returned ? " after it was given back" : ""));
            }
            foldedThrough = throughStep;
            changed |= changes;
        }

        @Override
        public void close() {
            if (returned || closed) {
                return;
            }
            returned = true;
            open = null;
            visit.changed = changed;
            visit.foldedThrough = foldedThrough;
            visit.settles = table.settlesInPlace(visit.block) || settlesNow();
            if (visit.settles && table.isWrittenInPlace(visit.block)) {
                settled[visit.block] = visits.position();
            }
            table.folded(visit);
            if (!visit.releaseLater) {
                table.computed(visit);
            }
            computed.set(visits.passComputed());
            monitor.signalAllWhenBlocking();
            if (!options.overlap()) {
                awaitRetired();
            }
        }

        private boolean settlesNow() {
            return settling
                    && visits.isLast(visit)
                    && placement.homes().get(visit.block) != Tier.NVME;
        }

        /** A failure shows at the next call that may throw: this one often runs in a finally. */
        private void awaitRetired() {
            try {
                await(retired, visits.position() - 1, "the write-back of block " + visit.block);
            } catch (FeedException _) {
                // Kept by the monitor.
            }
        }
    }
}
