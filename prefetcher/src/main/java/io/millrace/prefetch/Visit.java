package io.millrace.prefetch;

import io.millrace.memory.device.DeviceEvent;
import io.millrace.prefetch.residency.Residency;

/**
 * An event of the ring: one visit of one block, filled in anew each time round. Each field is
 * written by one lane and read by those after it, or guarded by the pipeline's monitor.
 */
final class Visit {
    int block;
    long step;

    /** The pass, from 1, and which of its visits this is. */
    long pass;

    int place;

    /** The largest blocks that need a slot soon after this one. */
    long soonOnHost;

    long soonOnDevice;

    /** Whether nobody will compute it: it was published for a pass that turned out otherwise. */
    boolean dropped;

    /**
     * Whether it only brings a block to the host ahead of the visit to it, which is published later
     * and shares its claim.
     */
    boolean early;

    /** Whether the beginning of the block is all that is read for it. */
    boolean head;

    /** Whether it has claimed memory on the host and on the device. */
    boolean onHost;

    boolean onDevice;

    /** What the last claim for it was answered: whether its bytes have to move. */
    boolean moves;

    /** Whether the changed bytes go back to the host after this visit. */
    boolean download;

    /** Whether they go back to the drive, and as which version. */
    boolean write;

    long version;

    /** Happens when the device has computed on the bytes; null where it computes on host memory. */
    DeviceEvent computed;

    /** Whether the block is given back by the lane that waits for {@link #computed}. */
    boolean releaseLater;

    /** What the lease left behind: whether the bytes changed, and the last step they hold. */
    boolean changed;

    long foldedThrough;

    /** Whether the block stays and is to be written once this visit is over. */
    boolean settles;

    void begin(long visitPass, int visitPlace, int visitedBlock, long visitStep) {
        pass = visitPass;
        place = visitPlace;
        block = visitedBlock;
        step = visitStep;
        dropped = false;
        early = false;
        head = false;
        onHost = false;
        onDevice = false;
        moves = false;
        download = false;
        write = false;
        version = 0;
        releaseLater = false;
        changed = false;
        foldedThrough = 0;
        settles = false;
    }

    /** Takes the answer to a claim; whether there is one. */
    boolean answered(Residency.Claim claim) {
        moves = claim == Residency.Claim.MOVE;
        return claim != Residency.Claim.WAIT;
    }
}
