package io.millrace.telemetry;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The spans of one lane: a ring of preallocated arrays that any thread writes and one thread
 * drains. A slot is taken when a span begins and given back once the span has been drained whole,
 * so a span in flight stays visible to every drain until it ends.
 */
final class SpanRing {
    private static final long OPEN = Long.MAX_VALUE;
    private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);
    private static final VarHandle HEAD;
    private static final VarHandle TAIL;
    private static final VarHandle DROPPED;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            HEAD = lookup.findVarHandle(SpanRing.class, "head", long.class);
            TAIL = lookup.findVarHandle(SpanRing.class, "tail", long.class);
            DROPPED = lookup.findVarHandle(SpanRing.class, "dropped", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Lane lane;
    private final int mask;
    private final long[] startsNs;
    private final long[] endsNs;
    private final long[] bytes;
    private final long[] steps;
    private final int[] blocks;
    // The sequence + 1 of the span whose fields the slot holds; written last, with release.
    private final long[] published;
    // Of spans in flight; one shared object where no recording wants them.
    private final BlockVisitEvent[] visits;
    // The draining thread's own: slots already told but still behind an unfinished one.
    private final boolean[] told;

    private volatile long head;
    private volatile long tail;
    private volatile long dropped;

    SpanRing(Lane lane, int capacity) {
        this.lane = lane;
        mask = capacity - 1;
        startsNs = new long[capacity];
        endsNs = new long[capacity];
        bytes = new long[capacity];
        steps = new long[capacity];
        blocks = new int[capacity];
        published = new long[capacity];
        visits = new BlockVisitEvent[capacity];
        told = new boolean[capacity];
    }

    /**
     * Begins a span; answers its sequence, or -1 where the ring is full and the span is dropped.
     */
    long begin(int block, long step, long startNs) {
        long sequence = put(block, step, startNs, OPEN, 0);
        if (sequence >= 0) {
            visits[(int) sequence & mask] = BlockVisitEvent.start(lane, block, step);
        }
        return sequence;
    }

    boolean record(int block, long step, long startNs, long endNs, long byteCount) {
        return put(block, step, startNs, endNs, byteCount) >= 0;
    }

    private long put(int block, long step, long startNs, long endNs, long byteCount) {
        long sequence = claim();
        if (sequence < 0) {
            return sequence;
        }
        int slot = (int) sequence & mask;
        blocks[slot] = block;
        steps[slot] = step;
        startsNs[slot] = startNs;
        endsNs[slot] = endNs;
        bytes[slot] = byteCount;
        LONGS.setRelease(published, slot, sequence + 1);
        return sequence;
    }

    private long claim() {
        while (true) {
            long next = tail;
            if (next - head > mask) {
                DROPPED.getAndAdd(this, 1L);
                return -1;
            }
            if (TAIL.compareAndSet(this, next, next + 1)) {
                return next;
            }
        }
    }

    void end(long sequence, long endNs, long byteCount) {
        end(sequence, startsNs[(int) sequence & mask], endNs, byteCount);
    }

    void end(long sequence, long startNs, long endNs, long byteCount) {
        int slot = (int) sequence & mask;
        if (published[slot] != sequence + 1 || (long) LONGS.getAcquire(endsNs, slot) != OPEN) {
            throw new IllegalStateException("a span of " + lane.label() + " was ended twice");
        }
        startsNs[slot] = startNs;
        visits[slot].finish(byteCount); // before the slot may be another span's
        bytes[slot] = byteCount;
        // A clock that steps back must not make a span that no one can draw.
        LONGS.setRelease(endsNs, slot, Math.max(endNs, startNs)); // publishes start and bytes
    }

    void drain(long untilNs, SpanLog log) {
        long first = head;
        long last = tail;
        for (long sequence = first; sequence < last; sequence++) {
            int slot = (int) sequence & mask;
            if (!told[slot] && (long) LONGS.getAcquire(published, slot) == sequence + 1) {
                told[slot] = tell(slot, untilNs, log);
            }
        }
        while (first < last && told[(int) first & mask]) {
            told[(int) first & mask] = false;
            first++;
        }
        HEAD.setRelease(this, first); // writers may take the slots only after they were read
    }

    private boolean tell(int slot, long untilNs, SpanLog log) {
        long startNs = startsNs[slot];
        long endNs = (long) LONGS.getAcquire(endsNs, slot);
        if (endNs <= untilNs) {
            log.add(lane, blocks[slot], steps[slot], startNs, endNs, bytes[slot]);
            return true;
        }
        if (startNs < untilNs) {
            log.addInFlight(lane, blocks[slot], steps[slot], startNs, untilNs);
        }
        return false;
    }

    long dropped() {
        return dropped;
    }
}
