package io.millrace.prefetch;

/**
 * When a copy began and ended, on the clock of {@link System#nanoTime}, and who hears how far it
 * is; reused for the next.
 */
public final class CopyTimes {
    private final Runnable heard;
    private long beganNs;
    private long endedNs;

    /** Times that nobody else waits for. */
    public CopyTimes() {
        this(() -> {});
    }

    /**
     * Times of a copy that somebody waits for.
     *
     * @param heard hears of every piece that has arrived
     */
    public CopyTimes(Runnable heard) {
        this.heard = heard;
    }

    /** Tells that a piece has arrived. */
    void pieceArrived() {
        heard.run();
    }

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
