package io.millrace.prefetch;

import com.lmax.disruptor.RingBuffer;
import io.millrace.memory.Tier;
import io.millrace.prefetch.residency.SlotCut;
import java.util.BitSet;
import java.util.function.IntPredicate;

/**
 * The visits that lanes pass, published in the order in which passes ask for them: those of the
 * running pass, and behind its end those of the passes that are expected. Where a pass turns out
 * otherwise, what was published in vain is dropped: lanes pass it without a move, once those under
 * way have ended. Used by the computing thread.
 */
final class VisitRing {
    private static final int NO_PLACE = -1;

    private final PipelineMonitor monitor;
    private final Placement placement;
    private final long firstStep;
    private final RingBuffer<Visit> ring;
    private VisitPlan running;
    private VisitPlan expected;
    private long pass; // from 1; 0 before the first
    private int place; // in the running pass, of the next visit
    private final BitSet skipped = new BitSet(); // of its visits those that do not come
    private int decided; // of its visits, how many it is known of whether they come
    private long position; // in the ring, of the next visit or of a dropped one before it
    private long published = -1;
    private long aheadPass; // of the next visit to be published
    private int aheadPlace;

    VisitRing(PipelineMonitor monitor, Placement placement, long firstStep) {
        this.monitor = monitor;
        this.placement = placement;
        this.firstStep = firstStep;
        running = VisitPlan.whole(placement.request().visits());
        expected = running;
        place = running.size();
        // Room for two passes: lanes are bounded by slots before they are by the ring.
        int size = Math.max(4, Integer.highestOneBit(2 * running.size() - 1) << 1);
        ring = RingBuffer.createSingleProducer(Visit::new, size, monitor);
    }

    /** The ring itself. */
    RingBuffer<Visit> ring() {
        return ring;
    }

    /** Begins a pass; what is left of the one before is given up. */
    void begin(VisitPlan plan, VisitPlan next) {
        requireBlocks(plan);
        requireBlocks(next);
        pass++;
        place = 0;
        skipped.clear();
        decided = 0;
        running = plan;
        expected = next;
        aheadPass = pass;
        aheadPlace = 0;
        long visit = position;
        while (visit <= published && (ring.get(visit).dropped || isAhead(ring.get(visit)))) {
            if (!ring.get(visit++).dropped) {
                moveAhead();
            }
        }
        drop(visit);
    }

    private void requireBlocks(VisitPlan plan) {
        for (int at = 0; at < plan.size(); at++) {
            if (plan.block(at) >= placement.homes().size()) {
                throw new IllegalArgumentException("a visit to block " + plan.block(at));
            }
        }
    }

    /** A visit that may be left out was published for a pass that was to have it in any case. */
    private boolean isAhead(Visit visit) {
        return isKnownAhead()
                && visit.pass == aheadPass
                && visit.place == aheadPlace
                && visit.block == planAhead().block(aheadPlace)
                && (!visit.head || planAhead().isHeadEnough(aheadPlace));
    }

    private VisitPlan planAhead() {
        return aheadPass == pass ? running : expected;
    }

    private void moveAhead() {
        aheadPlace++;
        passSkippedAhead();
    }

    private void passSkippedAhead() {
        while (aheadPass == pass && skipped.get(aheadPlace)) {
            aheadPlace++;
        }
        if (aheadPlace == planAhead().size()) {
            aheadPass++;
            aheadPlace = 0;
        }
    }

    /** Whether it is known that the next visit to be published comes. */
    private boolean isKnownAhead() {
        return !planAhead().entry(aheadPlace).optional()
                || (aheadPass == pass && aheadPlace < decided);
    }

    /** The first of the visits behind the running one that may come; −1 where it is too early. */
    int firstOfFork() {
        int next = place + 1;
        boolean atFork = aheadPass == pass && aheadPlace == next && next < running.size();
        return atFork && !isKnownAhead() ? next : -1;
    }

    /** Whether a visit of the running pass may come or not. */
    boolean isOptional(int at) {
        return at < running.size() && running.entry(at).optional();
    }

    /** The block of a visit of the running pass. */
    int block(int at) {
        return running.block(at);
    }

    /** Publishes that a block is to be brought ahead of its visit; whether there was room. */
    boolean publishEarly(int at) {
        if (!ring.hasAvailableCapacity(1)) {
            return false;
        }
        published = ring.next();
        Visit visit = ring.get(published);
        visit.begin(pass, NO_PLACE, running.block(at), stepOf(pass));
        visit.early = true;
        visit.soonOnHost = placement.soonThroughHost(running, at, expected);
        ring.publish(published);
        return true;
    }

    /** Says which of the next visits that may come do. */
    void decide(IntPredicate comes) {
        int at = place;
        for (; at < running.size() && running.entry(at).optional(); at++) {
            skipped.set(at, !comes.test(running.block(at)));
        }
        decided = at;
        passSkipped();
        passSkippedAhead();
    }

    private void passSkipped() {
        while (skipped.get(place)) {
            place++;
        }
    }

    /** Drops what was published for passes to come; not called within one. */
    void dropExpected() {
        aheadPass = isPassOver() ? pass + 1 : pass;
        aheadPlace = 0;
        drop(position);
    }

    private void drop(long first) {
        if (first > published) {
            return;
        }
        synchronized (monitor) {
            for (long visit = first; visit <= published; visit++) {
                ring.get(visit).dropped = true;
            }
            monitor.signalAllWhenBlocking();
        }
    }

    /** Whether the running pass has visits behind it and before it. */
    boolean isWithinPass() {
        return place > 0 && place < running.size();
    }

    /** Whether every visit of the running pass is done; so it is before the first. */
    boolean isPassOver() {
        return place == running.size();
    }

    /** The plan of the passes to come. */
    VisitPlan expected() {
        return expected;
    }

    /** The block of the next visit. */
    int nextBlock() {
        return running.block(place);
    }

    /** Which visit of the running pass is next. */
    int place() {
        return place;
    }

    /** Whether a visit is its block's last in the running pass. */
    boolean isLast(Visit visit) {
        return running.isLast(visit.place);
    }

    /** The step that spans of the running pass carry. */
    long step() {
        return stepOf(Math.max(1, pass));
    }

    private long stepOf(long number) {
        return firstStep + number - 1;
    }

    /** Where in the ring the next visit is. */
    long position() {
        return position;
    }

    /** The next visit; published. */
    Visit next() {
        return ring.get(position);
    }

    /** Whether what is at {@link #position} was dropped. */
    boolean isNextDropped() {
        return position <= published && ring.get(position).dropped;
    }

    /** Whether what is at {@link #position} only brought a block ahead. */
    boolean isNextEarly() {
        return position <= published && ring.get(position).early;
    }

    /** Leaves a dropped visit behind, or one that only brought a block; where it was. */
    long passDropped() {
        return position++;
    }

    /** Leaves a visit behind that was computed; where it was. */
    long passComputed() {
        place++;
        passSkipped();
        return position++;
    }

    /** Whether the next visit is published, or can be. */
    boolean hasRoomForNext() {
        return published >= position || ring.hasAvailableCapacity(1);
    }

    /**
     * Publishes the next visit and, where lanes may run ahead, as many as there is room for, up to
     * one of which nobody knows whether it comes.
     */
    void publish(boolean ahead) {
        if (published < position && !isKnownAhead()) {
            throw new IllegalStateException("whether block " + nextBlock() + " comes is not known");
        }
        while (published < position || (ahead && ring.hasAvailableCapacity(1) && isKnownAhead())) {
            VisitPlan plan = planAhead();
            published = ring.next();
            Visit visit = ring.get(published);
            visit.begin(aheadPass, aheadPlace, plan.block(aheadPlace), stepOf(aheadPass));
            visit.soonOnHost = placement.soonThroughHost(plan, aheadPlace, expected);
            visit.head = placement.readsHead(plan, aheadPlace, expected);
            visit.soonOnDevice = placement.soonThroughDevice(plan, aheadPlace, expected);
            moveAhead();
            ring.publish(published);
        }
    }

    /**
     * Blocks that come to the host ahead of their visits, while it is still open which others come
     * before these. The order of visits does not change: what came ahead keeps its slot until its
     * own visit, which finds the bytes there. Used by the computing thread.
     */
    static final class Early {
        /** Slots that are left for visits in their order. */
        private static final int LEFT_FREE = 2;

        private final Placement placement;
        private final BlockMemory memory;
        private final BlockTable table;
        private final VisitRing visits;
        private final BitSet asked = new BitSet(); // whose turn in the ring is yet to come
        private final BitSet held =
                new BitSet(); // whose claim waits for the visit, of whatever pass

        Early(Placement placement, BlockMemory memory, BlockTable table, VisitRing visits) {
            this.placement = placement;
            this.memory = memory;
            this.table = table;
            this.visits = visits;
        }

        /** Asks for those of the visits at the next fork that are sure to come, as slots allow. */
        void foresee(IntPredicate comes) {
            for (int at = visits.firstOfFork(); at >= 0 && visits.isOptional(at); at++) {
                int block = visits.block(at);
                boolean fits =
                        asked.cardinality() + held.cardinality() + LEFT_FREE < slotsFor(block);
                boolean moves = placement.homes().get(block) == Tier.NVME;
                boolean known = asked.get(block) || held.get(block);
                if (fits && moves && !known && comes.test(block) && visits.publishEarly(at)) {
                    asked.set(block);
                }
            }
        }

        /** How many slots there are of the smallest size that holds a block; parts do not count. */
        private long slotsFor(int block) {
            long bytes = memory.blockBytes(block);
            long least = Long.MAX_VALUE;
            for (SlotCut slot : placement.hostSlots()) {
                least = slot.bytes() >= bytes ? Math.min(least, slot.bytes()) : least;
            }
            int count = 0;
            for (SlotCut slot : placement.hostSlots()) {
                count += slot.bytes() == least ? 1 : 0;
            }
            return count;
        }

        /** A pass begins: what was asked for in another and is yet to come is dropped with it. */
        void begun() {
            asked.clear();
        }

        /** Its turn in the ring is over: its claim stays. */
        void passed(int block) {
            asked.clear(block);
            held.set(block);
        }

        /** Its visit has claimed it, too. */
        void visited(int block) {
            if (held.get(block)) {
                held.clear(block);
                table.giveBackEarly(block);
            }
        }
    }
}
