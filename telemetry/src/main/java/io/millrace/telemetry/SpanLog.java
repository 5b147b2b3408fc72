package io.millrace.telemetry;

import java.util.Arrays;

/**
 * Spans in primitive arrays, in no particular order: what a recorder drains into. It grows when it
 * must and keeps its arrays when cleared. Not safe for use from several threads.
 */
public final class SpanLog {
    /** The block index of a span that belongs to no block. */
    public static final int NO_BLOCK = -1;

    private int size;
    private Lane[] lanes;
    private int[] blocks;
    private long[] steps;
    private long[] startsNs;
    private long[] endsNs;
    private long[] bytes;
    private boolean[] complete;

    /** An empty log with room for a number of spans. */
    public SpanLog(int capacity) {
        lanes = new Lane[capacity];
        blocks = new int[capacity];
        steps = new long[capacity];
        startsNs = new long[capacity];
        endsNs = new long[capacity];
        bytes = new long[capacity];
        complete = new boolean[capacity];
    }

    /** Adds a span that has ended. */
    public void add(Lane lane, int block, long step, long startNs, long endNs, long byteCount) {
        add(lane, block, step, startNs, endNs, byteCount, true);
    }

    /** Adds the part up to {@code untilNs} of a span that goes on after it. */
    void addInFlight(Lane lane, int block, long step, long startNs, long untilNs) {
        add(lane, block, step, startNs, untilNs, 0, false);
    }

    private void add(
            Lane lane,
            int block,
            long step,
            long startNs,
            long endNs,
            long byteCount,
            boolean ended) {
        if (endNs < startNs) {
            throw new IllegalArgumentException(
                    "a span of " + lane.label() + " ends at " + endNs + ", before " + startNs);
        }
        if (size == lanes.length) {
            grow();
        }
        lanes[size] = lane;
        blocks[size] = block;
        steps[size] = step;
        startsNs[size] = startNs;
        endsNs[size] = endNs;
        bytes[size] = byteCount;
        complete[size] = ended;
        size++;
    }

    private void grow() {
        int capacity = Math.max(16, size * 2);
        lanes = Arrays.copyOf(lanes, capacity);
        blocks = Arrays.copyOf(blocks, capacity);
        steps = Arrays.copyOf(steps, capacity);
        startsNs = Arrays.copyOf(startsNs, capacity);
        endsNs = Arrays.copyOf(endsNs, capacity);
        bytes = Arrays.copyOf(bytes, capacity);
        complete = Arrays.copyOf(complete, capacity);
    }

    /** Appends the spans of another log that have ended. */
    public void addComplete(SpanLog other) {
        for (int i = 0; i < other.size; i++) {
            if (other.complete[i]) {
                add(
                        other.lanes[i],
                        other.blocks[i],
                        other.steps[i],
                        other.startsNs[i],
                        other.endsNs[i],
                        other.bytes[i]);
            }
        }
    }

    /** Appends the spans of another log that are in flight, as if they ended where it has them. */
    public void addUnfinished(SpanLog other) {
        for (int i = 0; i < other.size; i++) {
            if (!other.complete[i]) {
                add(
                        other.lanes[i],
                        other.blocks[i],
                        other.steps[i],
                        other.startsNs[i],
                        other.endsNs[i],
                        0);
            }
        }
    }

    /** Forgets all spans. */
    public void clear() {
        size = 0;
    }

    /** Number of spans. */
    public int size() {
        return size;
    }

    /** The lane of span {@code i}. */
    public Lane lane(int i) {
        return lanes[i];
    }

    /** The block of span {@code i}, or {@link #NO_BLOCK}. */
    public int block(int i) {
        return blocks[i];
    }

    /** The step that span {@code i} worked for; a prefetch may run before that step begins. */
    public long step(int i) {
        return steps[i];
    }

    /** When span {@code i} began, on the recorder's clock. */
    public long startNs(int i) {
        return startsNs[i];
    }

    /** When span {@code i} ended, or until when it is known where it is not {@link #complete}. */
    public long endNs(int i) {
        return endsNs[i];
    }

    /**
     * Bytes that span {@code i} moved; 0 until it is {@link #complete}, so that they count once.
     */
    public long bytes(int i) {
        return bytes[i];
    }

    /** Whether span {@code i} has ended; otherwise a later drain gives it again, whole. */
    public boolean complete(int i) {
        return complete[i];
    }
}
