package io.millrace.prefetch.residency;

import io.millrace.memory.Tier;
import java.util.Arrays;
import java.util.List;

/**
 * Where each block is and what becomes of it: the credits and hand-overs of the pipeline as a pure
 * state machine. Events go in and decisions come out; whoever drives it brings the order of events,
 * the pipeline by its lanes under one lock, its simulation by a clock. No locks, no clock, no
 * threads, and no bytes.
 *
 * <p>A visit claims a slot on its way in and gives the claim back after it was computed. A later
 * visit of the same block that comes while a claim is held shares the slot; changes are then
 * carried on, and go back when the last claim does. So a block is never read while its write-back
 * is pending, and never changed while it is being written.
 *
 * <p>Lanes come in the order of visits: where the answer is {@link Claim#WAIT}, the lane asks again
 * for the same visit, or withdraws, before it asks for another.
 */
public final class Residency {
    /** What a lane does with a visit on its way in or out. */
    public enum Claim {
        /** Nothing: the bytes are there, or will be when the visit before this one is through. */
        PASS,
        /** Ask again once something was given back. */
        WAIT,
        /** Bring the bytes. */
        MOVE
    }

    /** What becomes of a block that a visit gives back. */
    public enum Leaving {
        /** Nothing moves. */
        NOTHING,
        /** The device's bytes go to the host. */
        DOWNLOAD,
        /** The host's bytes go to the drive, as {@link Residency#writtenVersion} of the block. */
        WRITE
    }

    private static final int NONE = -1;

    private final Tier[] homes;
    private final long[] blockBytes;
    private final boolean unified;
    private final SlotCredits hostSlots;
    private final SlotCredits deviceSlots;
    private final long[] version; // the last step folded into the newest bytes
    private final long[] stored; // the version that a read would give
    private final long[] writtenVersion; // of the write that is pending or was last
    private final boolean[] arrived; // of blocks that stay: read, or about to be
    private final int[] hostClaims;
    private final int[] hostSlot;
    private final boolean[] isHead; // the slot has the beginning of the block alone
    private final boolean[] hostDirty; // host bytes are newer than the drive's
    private final boolean[] writing;
    private final int[] deviceClaims;
    private final int[] deviceSlot;
    private final boolean[] deviceDirty; // device bytes are newer than the host's
    private final boolean[] downloading;
    private final boolean[] settles; // of blocks that stay: to be written when next they can be
    private int hostAsked = NONE; // the block whose claim waits for a host slot
    private int deviceAsked = NONE;
    private final Staging staging = new Staging();

    /**
     * All blocks at rest, in version 0.
     *
     * @param homes of each block: the fastest tier where it stays; {@link Tier#HOST} on a device
     *     without memory of its own
     * @param blockBytes bytes of each block
     * @param hostSlots host slots for blocks that live on NVMe
     * @param deviceSlots bytes of each device slot for blocks that do not live there
     * @param unified whether the device computes on host memory, so that nothing is copied to it
     */
    public Residency(
            List<Tier> homes,
            List<Long> blockBytes,
            List<SlotCut> hostSlots,
            List<Long> deviceSlots,
            boolean unified) {
        this.homes = homes.toArray(Tier[]::new);
        this.blockBytes = blockBytes.stream().mapToLong(Long::longValue).toArray();
        this.unified = unified;
        this.hostSlots = new SlotCredits(hostSlots);
        this.deviceSlots = new SlotCredits(SlotCut.whole(deviceSlots));
        int blocks = homes.size();
        version = new long[blocks];
        stored = new long[blocks];
        writtenVersion = new long[blocks];
        arrived = new boolean[blocks];
        hostClaims = new int[blocks];
        hostSlot = new int[blocks];
        isHead = new boolean[blocks];
        hostDirty = new boolean[blocks];
        writing = new boolean[blocks];
        deviceClaims = new int[blocks];
        deviceSlot = new int[blocks];
        deviceDirty = new boolean[blocks];
        downloading = new boolean[blocks];
        settles = new boolean[blocks];
        Arrays.fill(hostSlot, SlotCredits.NONE);
        Arrays.fill(deviceSlot, SlotCredits.NONE);
    }

    /** Takes all blocks that stay as loaded. */
    public void loadStaying() {
        for (int block = 0; block < homes.length; block++) {
            arrived[block] = homes[block] != Tier.NVME;
        }
    }

    /** A read gives this version of a block, or would. */
    public void found(int block, long foundVersion) {
        stored[block] = foundVersion;
        version[block] = foundVersion;
    }

    /**
     * The read lane claims host memory for a visit, and waits for a slot and for a write-back of
     * the same block.
     *
     * @param soonBytes the largest block that needs a host slot soon after this one
     * @param head whether the visit needs the beginning of the block alone, and changes nothing; of
     *     a block that stays, all comes in any case
     */
    public Claim claimHost(int block, long soonBytes, boolean head) {
        if (homes[block] == Tier.NVME) {
            return claimHostSlot(block, soonBytes, head);
        }
        if (arrived[block]) {
            return Claim.PASS;
        }
        if (homes[block] == Tier.DEVICE && !staging.tryCome(block)) {
            return Claim.WAIT;
        }
        arrived[block] = true;
        return Claim.MOVE;
    }

    private Claim claimHostSlot(int block, long soonBytes, boolean head) {
        if (hostAsked == NONE) {
            if (hostClaims[block] > 0 && isHead[block] && !head) {
                // The rest is read with the whole, once nobody uses the beginning.
                return Claim.WAIT;
            }
            if (hostClaims[block]++ > 0) {
                return Claim.PASS;
            }
        }
        hostAsked = block;
        if (!writing[block]) {
            hostSlot[block] = hostSlots.tryLend(blockBytes[block], soonBytes);
        }
        if (hostSlot[block] == SlotCredits.NONE || writing[block]) {
            return Claim.WAIT;
        }
        hostAsked = NONE;
        isHead[block] = head;
        return Claim.MOVE;
    }

    /** The read lane no longer wants what it was told to wait for. */
    public void withdrawHost() {
        if (hostAsked != NONE) {
            hostClaims[hostAsked]--;
            hostAsked = NONE;
        }
    }

    /**
     * The upload lane claims device memory for a visit, and waits for a slot and for a download of
     * the same block.
     *
     * @param soonBytes the largest block that needs a device slot soon after this one
     */
    public Claim claimDevice(int block, long soonBytes) {
        if (homes[block] == Tier.DEVICE) {
            return staging.isComing(block) ? Claim.MOVE : Claim.PASS;
        }
        if (deviceAsked == NONE && deviceClaims[block]++ > 0) {
            return Claim.PASS;
        }
        deviceAsked = block;
        if (!downloading[block]) {
            deviceSlot[block] = deviceSlots.tryLend(blockBytes[block], soonBytes);
        }
        if (deviceSlot[block] == SlotCredits.NONE || downloading[block]) {
            return Claim.WAIT;
        }
        deviceAsked = NONE;
        return Claim.MOVE;
    }

    /** The upload lane no longer wants what it was told to wait for. */
    public void withdrawDevice() {
        if (deviceAsked != NONE) {
            deviceClaims[deviceAsked]--;
            deviceAsked = NONE;
        }
    }

    /** The upload lane has copied a block. */
    public void uploaded(int block) {
        staging.arrived(block);
    }

    /** The computation is done with a block: later visits see the step. */
    public void folded(int block, long throughStep) {
        version[block] = throughStep;
    }

    /** Whether a block that stays is still to be written, since that was not possible before. */
    public boolean settles(int block) {
        return settles[block];
    }

    /** Whether a block that stays is computed on where it is written from. */
    public boolean isWrittenInPlace(int block) {
        return unified || homes[block] == Tier.DEVICE;
    }

    /**
     * A visit that was computed gives its block back.
     *
     * @param changed whether it changed the bytes
     * @param settle whether a block that stays is to be written now that its bytes are at rest:
     *     where that {@linkplain #isWrittenInPlace is done in place}, no later visit computes on it
     *     before it was
     */
    public Leaving computed(int block, boolean changed, boolean settle) {
        if (changed && isHead[block]) {
            throw new IllegalStateException("block " + block + " was changed, and is not whole");
        }
        settles[block] |= settle;
        if (unified) {
            hostDirty[block] |= changed;
            return leaveHost(block);
        }
        deviceDirty[block] |= changed;
        if (homes[block] != Tier.DEVICE) {
            return leaveDevice(block);
        }
        return settle ? settleOnDevice(block) : Leaving.NOTHING;
    }

    /**
     * A visit that was not computed gives back what it has claimed.
     *
     * @param onHost whether it has claimed host memory
     * @param onDevice whether it has claimed device memory
     */
    public Leaving dropped(int block, boolean onHost, boolean onDevice) {
        if (onDevice && homes[block] != Tier.DEVICE) {
            return leaveDevice(block);
        }
        return onHost && homes[block] == Tier.NVME ? leaveHost(block) : Leaving.NOTHING;
    }

    /** Where staging brings a block right now, this one waits for its next visit. */
    private Leaving settleOnDevice(int block) {
        settles[block] = deviceDirty[block];
        if (!settles[block] || !staging.tryLeave()) {
            return Leaving.NOTHING;
        }
        settles[block] = false;
        return Leaving.DOWNLOAD;
    }

    private Leaving leaveDevice(int block) {
        if (--deviceClaims[block] > 0) {
            // A later visit finds the bytes on the device, and holds the host slot too.
            if (homes[block] == Tier.NVME) {
                hostClaims[block]--;
            }
            return Leaving.NOTHING;
        }
        if (deviceDirty[block]) {
            downloading[block] = true;
            return Leaving.DOWNLOAD;
        }
        freeDevice(block);
        return leaveHost(block);
    }

    private void freeDevice(int block) {
        deviceSlots.giveBack(deviceSlot[block]);
        deviceSlot[block] = SlotCredits.NONE;
    }

    private Leaving leaveHost(int block) {
        if (homes[block] != Tier.NVME) {
            // One that is still to be written has these very bytes: a change waits for it.
            boolean writes = settles[block] && hostDirty[block] && !writing[block];
            settles[block] = false;
            return writes ? writeBack(block) : Leaving.NOTHING;
        }
        if (--hostClaims[block] > 0) {
            return Leaving.NOTHING;
        }
        if (hostDirty[block]) {
            return writeBack(block);
        }
        freeHost(block);
        return Leaving.NOTHING;
    }

    private Leaving writeBack(int block) {
        writing[block] = true;
        writtenVersion[block] = version[block];
        return Leaving.WRITE;
    }

    private void freeHost(int block) {
        hostSlots.giveBack(hostSlot[block]);
        hostSlot[block] = SlotCredits.NONE;
        // Steps that changed nothing were not written, and are forgotten with the slot.
        version[block] = stored[block];
    }

    /**
     * The download lane is about to copy a block: the bytes on the host must not change while they
     * are written, and what stays on the device passes through the one staging slot.
     */
    public Claim claimForDownload(int block) {
        boolean free = homes[block] == Tier.DEVICE ? staging.tryTake() : !writing[block];
        return free ? Claim.MOVE : Claim.WAIT;
    }

    /** The download lane has copied a block. */
    public Leaving downloaded(int block) {
        deviceDirty[block] = false;
        if (homes[block] == Tier.DEVICE) {
            return writeBack(block);
        }
        downloading[block] = false;
        hostDirty[block] = true;
        freeDevice(block);
        return leaveHost(block);
    }

    /** The write lane has written a block: reads give the new bytes. */
    public void written(int block) {
        writing[block] = false;
        hostDirty[block] = false;
        stored[block] = writtenVersion[block];
        if (homes[block] == Tier.NVME) {
            freeHost(block);
        } else if (homes[block] == Tier.DEVICE) {
            staging.left();
        }
    }

    /** As which version a block is being written. */
    public long writtenVersion(int block) {
        return writtenVersion[block];
    }

    /**
     * Keeps staging from blocks that come, for somebody who copies blocks away himself while no
     * lane does.
     *
     * @return false where one is coming
     */
    public boolean reserveStaging() {
        return staging.tryLeave();
    }

    /** Ends what {@link #reserveStaging} began. */
    public void releaseStaging() {
        staging.leavesNot();
    }

    /** Somebody has brought a block's newest bytes to the drive himself. */
    public void cleaned(int block) {
        deviceDirty[block] = false;
        hostDirty[block] = false;
        stored[block] = version[block];
    }

    /** The last step folded into a block's newest bytes; known to the computing thread. */
    public long version(int block) {
        return version[block];
    }

    /** Whether a block's newest bytes are on the device alone. */
    public boolean isDeviceDirty(int block) {
        return deviceDirty[block];
    }

    /** Whether a block's newest bytes are not on the drive; asked when no write-back is pending. */
    public boolean isDirty(int block) {
        return deviceDirty[block] || hostDirty[block];
    }

    /** The host slot of a block that passes, or {@link SlotCredits#NONE}. */
    public int hostSlot(int block) {
        return hostSlot[block];
    }

    /** The device slot of a block that passes, or {@link SlotCredits#NONE}. */
    public int deviceSlot(int block) {
        return deviceSlot[block];
    }

    /** The host's slots. */
    public SlotCredits hostSlots() {
        return hostSlots;
    }

    /** The device's slots. */
    public SlotCredits deviceSlots() {
        return deviceSlots;
    }
}
