package io.millrace.prefetch;

/** When a copy began and ended, on the clock of {@link System#nanoTime}; reused for the next. */
public final class CopyTimes {
    private long beganNs;
    private long endedNs;

    /** Notes the times of a copy. */
    public void set(long newBeganNs, long newEndedNs) {
        beganNs = newBeganNs;
        endedNs = newEndedNs;
    }

    /** When the device began it. */
    public long beganNs() {
        return beganNs;
    }

    /** When the bytes were there. */
    public long endedNs() {
        return endedNs;
    }
}
