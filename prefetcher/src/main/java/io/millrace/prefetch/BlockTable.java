package io.millrace.prefetch;

import com.lmax.disruptor.AlertException;
import io.millrace.memory.Tier;
import io.millrace.memory.nvme.BlockSource;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Where each block is and what becomes of it: the credits and hand-overs of the pipeline, guarded
 * by its monitor.
 *
 * <p>A visit claims a slot on its way in and gives the claim back after it was computed. A later
 * visit of the same block that comes while a claim is held shares the slot; changes are then
 * carried on, and go back when the last claim does. So a block is never read while its write-back
 * is pending, and never changed while it is being written.
 */
final class BlockTable {
    private final PipelineMonitor monitor;
    private final BlockMemory memory;
    private final boolean unified;
    private final long[] version; // the last step folded into the newest bytes
    private final long[] stored; // the version that a read would give
    private final boolean[] arriving; // of blocks that stay: read, or about to be
    private final int[] hostClaims;
    private final int[] hostSlot;
    private final boolean[] hostDirty; // host bytes are newer than the drive's
    private final boolean[] writing;
    private final int[] deviceClaims;
    private final int[] deviceSlot;
    private final boolean[] deviceDirty; // device bytes are newer than the host's
    private final boolean[] downloading;
    private final boolean[] settles; // of blocks that stay: to be written when next they can be
    private boolean stagingLent;

    BlockTable(
            PipelineMonitor monitor,
            BlockMemory memory,
            BlockSource source,
            int blocks,
            boolean unified) {
        this.monitor = monitor;
        this.memory = memory;
        this.unified = unified;
        version = new long[blocks];
        Arrays.setAll(version, source::version);
        stored = version.clone();
        arriving = new boolean[blocks];
        hostClaims = new int[blocks];
        hostSlot = new int[blocks];
        hostDirty = new boolean[blocks];
        writing = new boolean[blocks];
        deviceClaims = new int[blocks];
        deviceSlot = new int[blocks];
        deviceDirty = new boolean[blocks];
        downloading = new boolean[blocks];
        settles = new boolean[blocks];
        Arrays.fill(hostSlot, SlotBank.NONE);
        Arrays.fill(deviceSlot, SlotBank.NONE);
    }

    /**
     * Called from the read lane: a block came in an older version than was expected, because the
     * newer one was damaged.
     */
    void setBack(int block, long olderVersion) {
        synchronized (monitor) {
            stored[block] = olderVersion;
            version[block] = olderVersion;
        }
    }

    /**
     * Called from the read lane: claims host memory for a visit, waiting for a slot and for a
     * write-back of the same block.
     *
     * @return whether the block has to be read into it
     */
    boolean claimHost(Visit visit) throws AlertException, InterruptedException {
        synchronized (monitor) {
            return switch (memory.home(visit.block)) {
                case DEVICE -> claimStaging(visit);
                case HOST -> isFirst(visit.block);
                case NVME -> claimSlot(visit);
            };
        }
    }

    private boolean claimStaging(Visit visit) throws AlertException, InterruptedException {
        visit.staged = isFirst(visit.block);
        if (visit.staged) {
            monitor.await(() -> !stagingLent);
            stagingLent = true;
        }
        return visit.staged;
    }

    private boolean isFirst(int block) {
        boolean first = !arriving[block];
        arriving[block] = true;
        return first;
    }

    private boolean claimSlot(Visit visit) throws AlertException, InterruptedException {
        int block = visit.block;
        if (hostClaims[block]++ > 0) {
            return false;
        }
        monitor.await(() -> !writing[block] && lendHost(visit));
        return true;
    }

    private boolean lendHost(Visit visit) {
        int slot =
                memory.hostSlots()
                        .tryLend(
                                memory.blockBytes(visit.block),
                                memory.soonThroughHost(visit.place));
        hostSlot[visit.block] = slot;
        return slot != SlotBank.NONE;
    }

    /**
     * Called from the upload lane: claims device memory for a visit, waiting for a slot and for a
     * download of the same block.
     *
     * @return whether the block has to be copied into it
     */
    boolean claimDevice(Visit visit) throws AlertException, InterruptedException {
        int block = visit.block;
        synchronized (monitor) {
            if (memory.home(block) == Tier.DEVICE) {
                return visit.staged;
            }
            if (deviceClaims[block]++ > 0) {
                return false;
            }
            monitor.await(() -> !downloading[block] && lendDevice(visit));
            return true;
        }
    }

    private boolean lendDevice(Visit visit) {
        int slot =
                memory.deviceSlots()
                        .tryLend(
                                memory.blockBytes(visit.block),
                                memory.soonThroughDevice(visit.place));
        deviceSlot[visit.block] = slot;
        return slot != SlotBank.NONE;
    }

    /** Called from the upload lane, after the copy. */
    void uploaded(Visit visit) {
        if (visit.staged) {
            synchronized (monitor) {
                freeStaging();
            }
        }
    }

    private void freeStaging() {
        stagingLent = false;
        monitor.signalAllWhenBlocking();
    }

    /** Called from the computing thread when it is done with a block: later visits see the step. */
    void folded(Visit visit) {
        synchronized (monitor) {
            version[visit.block] = visit.foldedThrough;
        }
    }

    /**
     * Called from the computing thread: a block that stays is written once its bytes are at rest.
     */
    void settle(int block) {
        synchronized (monitor) {
            settles[block] = true;
        }
    }

    /** Whether a block that stays is computed on where it is written from. */
    boolean isWrittenInPlace(int block) {
        return unified || memory.home(block) == Tier.DEVICE;
    }

    /**
     * Gives a block back: called from the computing thread, or from the download lane where the
     * device was still computing then.
     */
    void computed(Visit visit) {
        int block = visit.block;
        synchronized (monitor) {
            if (unified) {
                hostDirty[block] |= visit.changed;
                giveHostBack(visit);
                return;
            }
            deviceDirty[block] |= visit.changed;
            if (memory.home(block) == Tier.DEVICE) {
                visit.download = settles[block] && deviceDirty[block];
                settles[block] = false;
                return;
            }
            if (--deviceClaims[block] > 0) {
                // A later visit finds the bytes on the device, and holds the host slot too.
                dropSharedHostClaim(block);
                return;
            }
            if (deviceDirty[block]) {
                downloading[block] = true;
                visit.download = true;
            } else {
                giveDeviceBack(block);
                giveHostBack(visit);
            }
        }
    }

    private void dropSharedHostClaim(int block) {
        if (memory.home(block) == Tier.NVME) {
            hostClaims[block]--;
        }
    }

    private void giveDeviceBack(int block) {
        memory.deviceSlots().giveBack(deviceSlot[block]);
        deviceSlot[block] = SlotBank.NONE;
        monitor.signalAllWhenBlocking();
    }

    private void giveHostBack(Visit visit) {
        int block = visit.block;
        if (memory.home(block) != Tier.NVME) {
            // One that is still to be written has these very bytes: a change waits for it.
            if (settles[block] && hostDirty[block] && !writing[block]) {
                writeBack(visit);
            }
            settles[block] = false;
            return;
        }
        if (--hostClaims[block] > 0) {
            return;
        }
        if (hostDirty[block]) {
            writeBack(visit);
        } else {
            freeHost(block);
        }
    }

    private void writeBack(Visit visit) {
        writing[visit.block] = true;
        visit.version = version[visit.block];
        visit.write = true;
    }

    /**
     * Called from the download lane, before the copy: the bytes on the host must not change while
     * they are written, and what stays on the device passes through the one staging slot.
     */
    void claimForDownload(Visit visit) throws AlertException, InterruptedException {
        int block = visit.block;
        synchronized (monitor) {
            if (memory.home(block) == Tier.DEVICE) {
                monitor.await(() -> !stagingLent);
                stagingLent = true;
            } else {
                monitor.await(() -> !writing[block]);
            }
        }
    }

    private void freeHost(int block) {
        memory.hostSlots().giveBack(hostSlot[block]);
        hostSlot[block] = SlotBank.NONE;
        // Steps that changed nothing were not written, and are forgotten with the slot.
        version[block] = stored[block];
        monitor.signalAllWhenBlocking();
    }

    /** Called from the download lane, after the copy. */
    void downloaded(Visit visit) {
        int block = visit.block;
        synchronized (monitor) {
            deviceDirty[block] = false;
            if (memory.home(block) == Tier.DEVICE) {
                writeBack(visit);
                return;
            }
            downloading[block] = false;
            hostDirty[block] = true;
            giveDeviceBack(block);
            giveHostBack(visit);
        }
    }

    /** Called from the write lane, when reads give the new bytes. */
    void written(Visit visit) {
        synchronized (monitor) {
            writing[visit.block] = false;
            hostDirty[visit.block] = false;
            stored[visit.block] = visit.version;
            switch (memory.home(visit.block)) {
                case NVME -> freeHost(visit.block);
                case HOST -> monitor.signalAllWhenBlocking();
                case DEVICE -> freeStaging();
            }
        }
    }

    /** Called from the computing thread: the block's bytes where they are computed on. */
    DevicePort.Region onDevice(int block) {
        synchronized (monitor) {
            return memory.home(block) == Tier.DEVICE || unified
                    ? inHostOrStaying(block)
                    : memory.deviceSlots().region(deviceSlot[block]);
        }
    }

    /**
     * Where a visit's bytes lie on the host on their way; staging for those that stay on a device.
     */
    MemorySegment onHost(int block) {
        synchronized (monitor) {
            return memory.home(block) == Tier.DEVICE
                    ? memory.staging()
                    : inHostOrStaying(block).segment();
        }
    }

    private DevicePort.Region inHostOrStaying(int block) {
        return memory.home(block) == Tier.NVME
                ? memory.hostSlots().region(hostSlot[block])
                : memory.stays(block);
    }

    /** The last step folded into a block's newest bytes; known to the computing thread. */
    long version(int block) {
        synchronized (monitor) {
            return version[block];
        }
    }

    /** Whether a block's newest bytes are on the device alone. */
    boolean isDeviceDirty(int block) {
        synchronized (monitor) {
            return deviceDirty[block];
        }
    }

    /** Whether a block's newest bytes are not on the drive; asked when no write-back is pending. */
    boolean isDirty(int block) {
        synchronized (monitor) {
            return deviceDirty[block] || hostDirty[block];
        }
    }

    /** Called from the computing thread when it has written a block itself. */
    void cleaned(int block) {
        synchronized (monitor) {
            deviceDirty[block] = false;
            hostDirty[block] = false;
            stored[block] = version[block];
        }
    }
}
