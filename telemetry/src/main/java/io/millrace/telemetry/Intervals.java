package io.millrace.telemetry;

import java.util.Arrays;

/** A set of times built from intervals; after {@link #unite} they are disjoint and in order. */
final class Intervals {
    private long[] starts = new long[64];
    private long[] ends = new long[64];
    private int size;

    void clear() {
        size = 0;
    }

    void add(long start, long end) {
        if (size == starts.length) {
            starts = Arrays.copyOf(starts, size * 2);
            ends = Arrays.copyOf(ends, size * 2);
        }
        starts[size] = start;
        ends[size] = end;
        size++;
    }

    void addAll(Intervals other) {
        for (int i = 0; i < other.size; i++) {
            add(other.starts[i], other.ends[i]);
        }
    }

    /** Merges what touches or overlaps. */
    void unite() {
        if (size == 0) {
            return;
        }
        // Sorted apart, the i-th start opens a gap exactly when all i ends before it have passed:
        // which end belonged to which start does not matter for the union.
        Arrays.sort(starts, 0, size);
        Arrays.sort(ends, 0, size);
        int united = 0;
        for (int i = 1; i < size; i++) {
            if (ends[i - 1] < starts[i]) {
                ends[united] = ends[i - 1];
                starts[++united] = starts[i];
            }
        }
        ends[united] = ends[size - 1];
        size = united + 1;
    }

    /** Length of a united set. */
    long measure() {
        long sum = 0;
        for (int i = 0; i < size; i++) {
            sum += ends[i] - starts[i];
        }
        return sum;
    }

    /** Length of what two united sets share. */
    long shared(Intervals other) {
        long sum = 0;
        int i = 0;
        int j = 0;
        while (i < size && j < other.size) {
            long start = Math.max(starts[i], other.starts[j]);
            long end = Math.min(ends[i], other.ends[j]);
            sum += Math.max(0, end - start);
            if (ends[i] < other.ends[j]) {
                i++;
            } else {
                j++;
            }
        }
        return sum;
    }
}
