package io.millrace.memory.slice;

/**
 * How the shared memory is laid out: a page for the members, a line for each place, the places.
 *
 * @param members workers that share it, 2 to 16
 * @param places slices that it holds
 * @param sliceBytes bytes of each; whole pages
 */
public record RingShape(int members, int places, int sliceBytes) {
    /** The most workers that one ring serves. */
    public static final int MOST_MEMBERS = SliceWord.MOST_MEMBERS;

    private static final int PAGE = 4096;
    private static final int PLACES_A_SLICE = 4;

    /** A place's word and name; no two places share a line of the cache. */
    static final int LINE_BYTES = 64;

    /** Checks sizes. */
    public RingShape {
        if (members < 2
                || members > MOST_MEMBERS
                || places < 2
                || places > 1 << 16
                || sliceBytes < PAGE
                || sliceBytes % PAGE != 0) {
            throw new IllegalArgumentException(
                    places + " slices of " + sliceBytes + " bytes for " + members + " workers");
        }
    }

    /**
     * For workers that each have some slices in flight: four places for each, so that who is ahead
     * by some need not wait.
     *
     * @param members workers
     * @param sliceBytes bytes of a slice
     * @param inFlight slices that each reads at once
     */
    public static RingShape beside(int members, int sliceBytes, int inFlight) {
        return of(members, PLACES_A_SLICE * inFlight, sliceBytes);
    }

    static RingShape of(int members, int placesEach, int sliceBytes) {
        return new RingShape(members, members * placesEach, sliceBytes);
    }

    /** A member's process. */
    static long pidAt(int member) {
        return (1L + member) * LINE_BYTES;
    }

    /** A place's line. */
    static long lineAt(int place) {
        return PAGE + (long) place * LINE_BYTES;
    }

    long memoryAt(int place) {
        return memoryAt() + (long) place * sliceBytes;
    }

    private long memoryAt() {
        return (lineAt(places) + PAGE - 1) / PAGE * PAGE;
    }

    /** Bytes of all. */
    public long bytes() {
        return memoryAt() + (long) places * sliceBytes;
    }

    /** What each worker is charged of it, rounded up. */
    public long bytesEach() {
        return (bytes() + members - 1) / members;
    }
}
