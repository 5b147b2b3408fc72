package io.millrace.memory.nvme;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Which slot holds which block's bytes: the newest whole version, and the newest that survives a
 * loss of power. A slot is free when it is neither and nobody reads, writes or publishes it.
 * Guarded by the store's lock.
 */
final class SlotTable {
    private static final int NONE = -1;

    private final SlotGeometry geometry;
    private final long[] blockBytes;
    private final long[] version; // of the newest whole bytes of a block
    private final long[] durableVersion;
    private final int[] checksum;
    private final int[] durableChecksum;
    private final int[] headChecksum;
    private final int[] durableHeadChecksum;
    private final int[] newest; // slot, or NONE
    private final int[] durable; // slot, or NONE
    private final int[] holder; // the block that a slot was last taken for, or NONE
    private final int[] pins; // readers, writers and publishers of a slot
    private long sequence;

    SlotTable(SlotGeometry geometry, List<Long> blockBytes) {
        this.geometry = geometry;
        this.blockBytes = blockBytes.stream().mapToLong(Long::longValue).toArray();
        int blocks = this.blockBytes.length;
        version = new long[blocks];
        durableVersion = new long[blocks];
        checksum = new int[blocks];
        durableChecksum = new int[blocks];
        headChecksum = new int[blocks];
        durableHeadChecksum = new int[blocks];
        newest = filled(blocks);
        durable = filled(blocks);
        holder = filled(geometry.slotCount());
        pins = new int[geometry.slotCount()];
    }

    private static int[] filled(int count) {
        int[] none = new int[count];
        Arrays.fill(none, NONE);
        return none;
    }

    /** Takes over what a manifest says: for each block the record with the highest sequence. */
    void restore(Manifest.SlotRecord[] records) {
        Manifest.SlotRecord[] best = new Manifest.SlotRecord[blockBytes.length];
        for (Manifest.SlotRecord one : records) {
            if (one != null && one.block() >= 0 && one.block() < best.length) {
                Manifest.SlotRecord other = best[one.block()];
                best[one.block()] =
                        other == null || other.sequence() < one.sequence() ? one : other;
                sequence = Math.max(sequence, one.sequence());
            }
        }
        for (Manifest.SlotRecord one : best) {
            if (one != null) {
                newest[one.block()] = one.slot();
                durable[one.block()] = one.slot();
                holder[one.slot()] = one.block();
                version[one.block()] = one.version();
                durableVersion[one.block()] = one.version();
                checksum[one.block()] = one.checksum();
                durableChecksum[one.block()] = one.checksum();
                headChecksum[one.block()] = one.headChecksum();
                durableHeadChecksum[one.block()] = one.headChecksum();
            }
        }
    }

    int blockCount() {
        return blockBytes.length;
    }

    long blockBytes(int block) {
        return blockBytes[block];
    }

    long version(int block) {
        return version[block];
    }

    long durableVersion(int block) {
        return durableVersion[block];
    }

    int checksum(int block) {
        return checksum[block];
    }

    int headChecksum(int block) {
        return headChecksum[block];
    }

    /** The slot of a block's newest bytes, pinned; −1 where the store has none. */
    int pinNewest(int block) {
        int slot = newest[block];
        if (slot != NONE) {
            pins[slot]++;
        }
        return slot;
    }

    /** A free slot for a block's next version, pinned; −1 where there is none. */
    int pinFree(int block) {
        long wanted = StoreConfig.slotBytes(blockBytes[block]);
        for (int slot = 0; slot < pins.length; slot++) {
            if (geometry.sizes().get(slot) == wanted && isFree(slot)) {
                holder[slot] = block;
                pins[slot]++;
                return slot;
            }
        }
        return NONE;
    }

    void unpin(int slot) {
        pins[slot]--;
    }

    /** Makes a written slot its block's newest. */
    void publish(int block, int slot, long newVersion, int newChecksum, int newHeadChecksum) {
        newest[block] = slot;
        version[block] = newVersion;
        checksum[block] = newChecksum;
        headChecksum[block] = newHeadChecksum;
    }

    /** Records for every block whose newest bytes are not durable, their slots pinned. */
    List<Manifest.SlotRecord> pinUnsynced() {
        List<Manifest.SlotRecord> records = new ArrayList<>();
        for (int block = 0; block < newest.length; block++) {
            int slot = newest[block];
            if (slot != NONE && slot != durable[block]) {
                pins[slot]++;
                records.add(
                        new Manifest.SlotRecord(
                                slot,
                                block,
                                ++sequence,
                                version[block],
                                blockBytes[block],
                                checksum[block],
                                headChecksum[block]));
            }
        }
        return records;
    }

    /** The records are durable: their slots replace those that were. */
    void synced(List<Manifest.SlotRecord> records) {
        for (Manifest.SlotRecord one : records) {
            durable[one.block()] = one.slot();
            durableVersion[one.block()] = one.version();
            durableChecksum[one.block()] = one.checksum();
            durableHeadChecksum[one.block()] = one.headChecksum();
        }
    }

    boolean hasUnsynced() {
        return !Arrays.equals(newest, durable);
    }

    /**
     * Takes a block back to its durable version or, where that is the newest, to none. The manifest
     * may go on naming the slot: whoever reads it by that finds the checksum wrong again.
     */
    void forgetNewest(int block) {
        if (newest[block] == durable[block]) {
            durable[block] = NONE;
            durableVersion[block] = 0;
            durableChecksum[block] = 0;
            durableHeadChecksum[block] = 0;
        }
        newest[block] = durable[block];
        version[block] = durableVersion[block];
        checksum[block] = durableChecksum[block];
        headChecksum[block] = durableHeadChecksum[block];
    }

    private boolean isFree(int slot) {
        int block = holder[slot];
        return pins[slot] == 0
                && (block == NONE || (newest[block] != slot && durable[block] != slot));
    }
}
