package io.millrace.prefetch.residency;

/**
 * The one host slot by which blocks come to where they stay on a device, and leave from there. It
 * serves one direction at a time: a block on its way in may wait for device slots of visits that
 * leave behind one on its way out, and both would then wait for ever.
 */
final class Staging {
    private static final int NONE = -1;

    private int coming = NONE; // the block that is in it on its way to the device
    private int leaving; // blocks that leave through it, or are about to
    private boolean taken; // whether one of them is in it

    /** Lends it to a block that comes, unless one is coming or leaving. */
    boolean tryCome(int block) {
        if (coming != NONE || leaving > 0) {
            return false;
        }
        coming = block;
        return true;
    }

    /** Whether a block is in it on its way to the device. */
    boolean isComing(int block) {
        return coming == block;
    }

    /** The block that came has arrived, if it was this one. */
    void arrived(int block) {
        if (coming == block) {
            coming = NONE;
        }
    }

    /** Keeps it for a block that is to leave, unless one is coming; several may queue. */
    boolean tryLeave() {
        if (coming != NONE) {
            return false;
        }
        leaving++;
        return true;
    }

    /** One block less is to leave, and this one was never in it. */
    void leavesNot() {
        leaving--;
    }

    /** Lends it to one of the blocks that are to leave, unless another is in it. */
    boolean tryTake() {
        if (taken) {
            return false;
        }
        taken = true;
        return true;
    }

    /** The block that was in it has left. */
    void left() {
        taken = false;
        leaving--;
    }
}
