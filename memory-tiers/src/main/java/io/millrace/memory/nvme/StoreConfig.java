package io.millrace.memory.nvme;

import io.millrace.memory.host.HostMemory;
import java.nio.file.Path;
import java.util.List;

/**
 * What a block store holds.
 *
 * @param folder exists; the store's alone
 * @param blockBytes bytes of each block
 * @param headBytes bytes at the beginning of each block that can be read alone, and verified; all
 *     of it where nothing can
 * @param fingerprint of what the blocks belong to: a store of another is refused
 * @param spareBytes room, beyond one slot a block, for versions that are not durable yet; each size
 *     of block has at least two spare slots (or one a block), and never more than one a block
 */
public record StoreConfig(
        Path folder,
        List<Long> blockBytes,
        List<Long> headBytes,
        long fingerprint,
        long spareBytes) {
    /** Room for writes between two syncs that costs little beside the weights. */
    public static final long DEFAULT_SPARE_BYTES = 1L << 30;

    /** Freezes the sizes and checks them. */
    public StoreConfig {
        blockBytes = List.copyOf(blockBytes);
        headBytes = List.copyOf(headBytes);
        if (headBytes.size() != blockBytes.size()) {
            throw new IllegalArgumentException(
                    headBytes.size() + " heads of " + blockBytes.size() + " blocks");
        }
        if (blockBytes.isEmpty() || blockBytes.stream().anyMatch(size -> size < 1)) {
            throw new IllegalArgumentException("blocks of " + blockBytes + " bytes");
        }
    }

    /** A store whose blocks are read whole. */
    public StoreConfig(Path folder, List<Long> blockBytes, long fingerprint, long spareBytes) {
        this(folder, blockBytes, blockBytes, fingerprint, spareBytes);
    }

    /** The same, where the beginnings of blocks may be read alone. */
    public StoreConfig withHeads(List<Long> bytes) {
        return new StoreConfig(folder, blockBytes, bytes, fingerprint, spareBytes);
    }

    /** A store with the usual room for spares. */
    public static StoreConfig of(Path folder, List<Long> blockBytes, long fingerprint) {
        return new StoreConfig(folder, blockBytes, fingerprint, DEFAULT_SPARE_BYTES);
    }

    /** Bytes that the store takes on the drive, all of them when it is created. */
    public long storeBytes() {
        SlotGeometry geometry = SlotGeometry.of(this);
        return geometry.dataBytes() + Manifest.fileBytes(geometry.slotCount());
    }

    /** Bytes of a block's slot: whole pages. */
    static long slotBytes(long blockBytes) {
        return HostMemory.pageBytes(blockBytes);
    }
}
