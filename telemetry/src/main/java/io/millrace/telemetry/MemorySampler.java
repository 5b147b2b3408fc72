package io.millrace.telemetry;

import java.util.List;
import java.util.function.LongSupplier;

/**
 * Samples memory over time into arrays of fixed size, without allocating. When they are full, every
 * second sample is forgotten and from then on only every second one is taken: what is kept always
 * spans the whole time. Called from one thread.
 */
public final class MemorySampler {
    private final LongSupplier clock;
    private final LongSupplier[] sources;
    private final long[] timesNs;
    private final long[][] bytes;
    private int size;
    private int stride = 1;
    private int skipped;

    /**
     * A sampler of several sources.
     *
     * @param capacity samples kept at most, even
     * @param clock nanoseconds that never step back
     * @param sources bytes now, each
     */
    public MemorySampler(int capacity, LongSupplier clock, List<LongSupplier> sources) {
        if (capacity < 2 || capacity % 2 != 0) {
            throw new IllegalArgumentException("capacity " + capacity + " is not even");
        }
        this.clock = clock;
        this.sources = sources.toArray(LongSupplier[]::new);
        timesNs = new long[capacity];
        bytes = new long[this.sources.length][capacity];
    }

    /** Takes a sample now, or skips it where samples have become too many. */
    public void sample() {
        if (++skipped < stride) {
            return;
        }
        skipped = 0;
        if (size == timesNs.length) {
            halve();
        }
        timesNs[size] = clock.getAsLong();
        for (int source = 0; source < sources.length; source++) {
            bytes[source][size] = sources[source].getAsLong();
        }
        size++;
    }

    private void halve() {
        for (int kept = 0; kept < size / 2; kept++) {
            timesNs[kept] = timesNs[2 * kept];
            for (long[] ofSource : bytes) {
                ofSource[kept] = ofSource[2 * kept];
            }
        }
        size /= 2;
        stride *= 2;
    }

    /** Number of samples. */
    public int size() {
        return size;
    }

    /** When sample {@code i} was taken. */
    public long timeNs(int i) {
        return timesNs[i];
    }

    /** What a source said in sample {@code i}. */
    public long bytes(int source, int i) {
        return bytes[source][i];
    }
}
