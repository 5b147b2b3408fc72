package io.millrace.telemetry;

import java.util.function.LongSupplier;

/**
 * Records what each lane did, without allocating and without locks: any thread may write any lane,
 * one thread drains. Room is bounded; a span that finds none is dropped and counted.
 *
 * <p>Times are nanoseconds of one clock, {@link System#nanoTime} unless another is given. Spans
 * timed elsewhere, as by device events, are brought to this clock before they are recorded.
 */
public final class SpanRecorder {
    /** The token of a span that was dropped. */
    public static final long DROPPED = -1;

    /** Room that suits a step of a few hundred blocks that move in a few pieces each. */
    public static final int DEFAULT_SPANS_PER_LANE = 4096;

    private static final Lane[] LANES = Lane.values();
    private static final int LANE_BITS = 3;
    private static final int LANE_MASK = (1 << LANE_BITS) - 1;

    private final SpanRing[] rings = new SpanRing[LANES.length];
    private final int spansPerLane;
    private final LongSupplier clock;

    /** A recorder on {@link System#nanoTime} with {@link #DEFAULT_SPANS_PER_LANE}. */
    public SpanRecorder() {
        this(DEFAULT_SPANS_PER_LANE, System::nanoTime);
    }

    /**
     * A recorder with its own room and clock.
     *
     * @param spansPerLane spans that a lane holds between two drains, rounded up to a power of two
     * @param clock nanoseconds that never step back
     */
    public SpanRecorder(int spansPerLane, LongSupplier clock) {
        if (spansPerLane < 1 || spansPerLane > 1 << 24) {
            throw new IllegalArgumentException(
                    "spansPerLane is " + spansPerLane + ", not in 1 to " + (1 << 24));
        }
        this.clock = clock;
        this.spansPerLane = spansPerLane == 1 ? 1 : Integer.highestOneBit(spansPerLane - 1) << 1;
        for (Lane lane : LANES) {
            rings[lane.index()] = new SpanRing(lane, this.spansPerLane);
        }
    }

    /** The clock's time. */
    public long now() {
        return clock.getAsLong();
    }

    /**
     * Begins a span now. From here on, drains see it in flight.
     *
     * @param block the block's index, or {@link SpanLog#NO_BLOCK}
     * @return the token for {@link #end}, or {@link #DROPPED}
     */
    public long begin(Lane lane, int block, long step) {
        long sequence = rings[lane.index()].begin(block, step, now());
        return sequence < 0 ? DROPPED : sequence << LANE_BITS | lane.index();
    }

    /**
     * Ends a span now; each token is ended once, by any thread, also when what it timed failed. A
     * dropped token is taken too.
     *
     * @param bytes bytes moved, 0 where nothing moves
     */
    public void end(long token, long bytes) {
        if (token != DROPPED) {
            rings[(int) token & LANE_MASK].end(token >>> LANE_BITS, now(), bytes);
        }
    }

    /**
     * Ends a span with the times of who moved the bytes, such as a device's events, in place of the
     * recorder's own.
     */
    public void end(long token, long startNs, long endNs, long bytes) {
        if (token != DROPPED) {
            rings[(int) token & LANE_MASK].end(token >>> LANE_BITS, startNs, endNs, bytes);
        }
    }

    /**
     * Records a span that has ended, timed by the caller.
     *
     * @return false where it was dropped
     */
    public boolean record(Lane lane, int block, long step, long startNs, long endNs, long bytes) {
        if (endNs < startNs) {
            throw new IllegalArgumentException(
                    "a span of " + lane.label() + " ends at " + endNs + ", before " + startNs);
        }
        return rings[lane.index()].record(block, step, startNs, endNs, bytes);
    }

    /**
     * Adds to a log every span that began before a time: those that ended by then as complete, once
     * and for all, the others as in flight until then. Called from one thread, with times that do
     * not step back.
     */
    public void drain(long untilNs, SpanLog log) {
        for (SpanRing ring : rings) {
            ring.drain(untilNs, log);
        }
    }

    /** An empty log that this recorder never makes grow, if it is cleared before each drain. */
    public SpanLog newLog() {
        return new SpanLog(spansPerLane * LANES.length);
    }

    /** Spans dropped since the beginning, over all lanes. */
    public long dropped() {
        long dropped = 0;
        for (SpanRing ring : rings) {
            dropped += ring.dropped();
        }
        return dropped;
    }
}
