package io.millrace.memory.slice;

import java.lang.foreign.MemorySegment;

/**
 * One worker's end of the way on which slices go round. A slice is held from the call that joins or
 * claims it until it is released; handles are of one worker and one holding.
 */
public interface SliceExchange extends AutoCloseable {
    /** No slice is held. */
    long NONE = -1;

    /** How a slice stands that is held. */
    enum State {
        /** Whoever claimed it still reads it. */
        COMING,
        /** Its bytes are here. */
        HERE,
        /** Whoever claimed it has given up: nobody will bring it. */
        GONE
    }

    /** Bytes that a slice has at most; whole pages. */
    int sliceBytes();

    /** How many slices a worker may hold at once. */
    int holds();

    /**
     * Takes part from here on: others wait, within reason, until this worker has what they have
     * read.
     */
    void attend();

    /** Takes no part any more: nobody waits for this worker, and it reads for itself. */
    void leave();

    /** Whether this worker takes part. */
    boolean attends();

    /** Holds a slice that is here or on its way; {@link #NONE} where it is neither. */
    long join(SliceName name);

    /**
     * Holds the place of a slice that is not there, to read it into; {@link #NONE} where something
     * else is in that place that somebody has yet to take.
     */
    long claim(SliceName name);

    /** The memory of a slice that is held; begins on a page. */
    MemorySegment memory(long handle);

    /** How a slice that is held stands. */
    State state(long handle);

    /** The worker who claimed a slice that is held, by its rank in the run. */
    int reader(long handle);

    /** Says that a claimed slice has been read. */
    void publish(long handle);

    /** Says that a claimed slice will not come; nothing writes to its memory any more. */
    void giveUp(long handle);

    /** Ends the holding: this worker has what it needs. */
    void release(long handle);

    /** Says that a slice was damaged: nobody is to take it who has not yet. */
    void forget(SliceName name);

    /**
     * Asks whether it is worth to wait on for a slice that is coming.
     *
     * @param waitedNs how long that was so far
     * @return false where its reader has ended or is silent for too long
     */
    boolean mayCome(long handle, long waitedNs);

    /**
     * Asks whether it is worth to wait on for the place of a slice, and no longer waits for those
     * who were waited for long enough.
     *
     * @param waitedNs how long that was so far
     * @param patienceNs how long others may take, at least, before they are waited for no more
     * @return false where somebody holds the place who has ended or is silent for too long
     */
    boolean mayBeFree(SliceName name, long waitedNs, long patienceNs);

    /** Counts bytes that came to this worker's block, from the drive or from another worker. */
    void came(long bytes, boolean fromDrive);

    /** What came so far. */
    SliceBytes bytes();

    /** This worker's rank in the run. */
    int rank();

    /** Leaves, and frees what is this worker's; a second call does nothing. */
    @Override
    void close();
}
