package io.millrace.prefetch;

import com.lmax.disruptor.AlertException;
import io.millrace.memory.Tier;
import io.millrace.memory.nvme.BlockSource;
import io.millrace.prefetch.residency.Residency;
import java.lang.foreign.MemorySegment;

/**
 * The pipeline's {@link Residency} behind its monitor: lanes wait here for what it grants. Knows
 * the memory that its slots stand for.
 */
final class BlockTable {
    private final PipelineMonitor monitor;
    private final BlockMemory memory;
    private final Residency residency;
    private final boolean unified;

    BlockTable(PipelineMonitor monitor, BlockMemory memory, Placement placement) {
        this.monitor = monitor;
        this.memory = memory;
        residency = placement.newResidency();
        unified = placement.request().isUnified();
    }

    /** Takes the versions that a source would give; before the lanes start. */
    void find(BlockSource source, int blocks) {
        for (int block = 0; block < blocks; block++) {
            setBack(block, source.version(block));
        }
    }

    /**
     * Called from the read lane: a block came in an older version than was expected, because the
     * newer one was damaged.
     */
    void setBack(int block, long olderVersion) {
        synchronized (monitor) {
            residency.found(block, olderVersion);
        }
    }

    /**
     * Called from the read lane: claims host memory for a visit, waiting as long as it has to.
     *
     * @return whether the block has to be read into it
     */
    boolean claimHost(Visit visit) throws AlertException, InterruptedException {
        synchronized (monitor) {
            monitor.await(() -> visit.dropped || visit.answered(askHost(visit)));
            if (visit.dropped) {
                residency.withdrawHost();
                return false;
            }
            visit.onHost = true;
            return visit.moves;
        }
    }

    /**
     * Called from the upload lane: claims device memory for a visit, waiting as long as it has to.
     *
     * @return whether the block has to be copied into it
     */
    boolean claimDevice(Visit visit) throws AlertException, InterruptedException {
        synchronized (monitor) {
            // What a visit has brought to staging goes on to where it stays.
            boolean staged = visit.moves && memory.home(visit.block) == Tier.DEVICE;
            monitor.await(() -> (visit.dropped && !staged) || visit.answered(askDevice(visit)));
            if (visit.dropped && !staged) {
                residency.withdrawDevice();
                return false;
            }
            visit.onDevice = true;
            return visit.moves;
        }
    }

    private Residency.Claim askHost(Visit visit) {
        return residency.claimHost(visit.block, visit.soonOnHost, visit.head);
    }

    private Residency.Claim askDevice(Visit visit) {
        return residency.claimDevice(visit.block, visit.soonOnDevice);
    }

    /** Called from the upload lane, after the copy. */
    void uploaded(Visit visit) {
        synchronized (monitor) {
            residency.uploaded(visit.block);
            monitor.signalAllWhenBlocking();
        }
    }

    /** Called from the computing thread when it is done with a block: later visits see the step. */
    void folded(Visit visit) {
        synchronized (monitor) {
            residency.folded(visit.block, visit.foldedThrough);
        }
    }

    /** Whether a block that stays is computed on where it is written from. */
    boolean isWrittenInPlace(int block) {
        return residency.isWrittenInPlace(block);
    }

    /** Whether a block that is written in place should have been, and could not be. */
    boolean settlesInPlace(int block) {
        synchronized (monitor) {
            return residency.isWrittenInPlace(block) && residency.settles(block);
        }
    }

    /**
     * Gives a block back: called from the computing thread, or from the download lane where the
     * device was still computing then.
     */
    void computed(Visit visit) {
        synchronized (monitor) {
            leave(visit, residency.computed(visit.block, visit.changed, visit.settles));
        }
    }

    /** Gives back what a dropped visit has claimed: called when the lanes are past it. */
    void giveBack(Visit visit) {
        synchronized (monitor) {
            leave(visit, residency.dropped(visit.block, visit.onHost, visit.onDevice));
        }
    }

    /** Gives back what a visit ahead of another has claimed, once that one has claimed it too. */
    void giveBackEarly(int block) {
        synchronized (monitor) {
            if (residency.dropped(block, true, false) != Residency.Leaving.NOTHING) {
                throw new IllegalStateException("block " + block + " was changed before its visit");
            }
            monitor.signalAllWhenBlocking();
        }
    }

    private void leave(Visit visit, Residency.Leaving leaving) {
        visit.download |= leaving == Residency.Leaving.DOWNLOAD;
        if (leaving == Residency.Leaving.WRITE) {
            visit.write = true;
            visit.version = residency.writtenVersion(visit.block);
        }
        monitor.signalAllWhenBlocking();
    }

    /** Called from the download lane, before the copy. */
    void claimForDownload(Visit visit) throws AlertException, InterruptedException {
        synchronized (monitor) {
            monitor.await(() -> visit.answered(residency.claimForDownload(visit.block)));
        }
    }

    /** Called from the download lane, after the copy. */
    void downloaded(Visit visit) {
        synchronized (monitor) {
            leave(visit, residency.downloaded(visit.block));
        }
    }

    /** Called from the write lane, when reads give the new bytes. */
    void written(Visit visit) {
        synchronized (monitor) {
            residency.written(visit.block);
            monitor.signalAllWhenBlocking();
        }
    }

    /** Called from the computing thread: the block's bytes where they are computed on. */
    DevicePort.Region onDevice(int block) {
        synchronized (monitor) {
            return memory.home(block) == Tier.DEVICE || unified
                    ? inHostOrStaying(block)
                    : memory.deviceSlots().region(residency.deviceSlot(block));
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
                ? memory.hostSlots().region(residency.hostSlot(block))
                : memory.stays(block);
    }

    /** The last step folded into a block's newest bytes; known to the computing thread. */
    long version(int block) {
        synchronized (monitor) {
            return residency.version(block);
        }
    }

    /** Whether a block's newest bytes are on the device alone. */
    boolean isDeviceDirty(int block) {
        synchronized (monitor) {
            return residency.isDeviceDirty(block);
        }
    }

    /** Whether a block's newest bytes are not on the drive; asked when no write-back is pending. */
    boolean isDirty(int block) {
        synchronized (monitor) {
            return residency.isDirty(block);
        }
    }

    /** Called from the computing thread: as {@link Residency#reserveStaging}. */
    boolean reserveStaging() {
        synchronized (monitor) {
            return residency.reserveStaging();
        }
    }

    /** Called from the computing thread: lets blocks come through staging again. */
    void releaseStaging() {
        synchronized (monitor) {
            residency.releaseStaging();
            monitor.signalAllWhenBlocking();
        }
    }

    /** Called from the computing thread when it has written a block itself. */
    void cleaned(int block) {
        synchronized (monitor) {
            residency.cleaned(block);
        }
    }

    /** Slots lent now, of both tiers. */
    int lentSlots() {
        synchronized (monitor) {
            return residency.hostSlots().lentCount() + residency.deviceSlots().lentCount();
        }
    }
}
