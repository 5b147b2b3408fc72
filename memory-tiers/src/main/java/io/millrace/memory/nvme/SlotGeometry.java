package io.millrace.memory.nvme;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where the slots of a store lie: for each size of block one slot a block and some spares, which
 * blocks of that size share. A fixed pair of slots a block would need twice the drive.
 *
 * @param offsets of each slot in the data file
 * @param sizes of each slot, whole pages
 * @param dataBytes of the data file
 */
record SlotGeometry(List<Long> offsets, List<Long> sizes, long dataBytes) {
    private static final int FEWEST_SPARES = 2;

    static SlotGeometry of(StoreConfig config) {
        Map<Long, Integer> blocksOfSize = new LinkedHashMap<>();
        for (long bytes : config.blockBytes()) {
            blocksOfSize.merge(StoreConfig.slotBytes(bytes), 1, Integer::sum);
        }
        List<Long> offsets = new ArrayList<>();
        List<Long> sizes = new ArrayList<>();
        long end = 0;
        for (Map.Entry<Long, Integer> group : blocksOfSize.entrySet()) {
            long slot = group.getKey();
            int blocks = group.getValue();
            long affordable = config.spareBytes() / slot;
            long spares = Math.min(blocks, Math.max(FEWEST_SPARES, affordable));
            for (long i = 0; i < blocks + spares; i++) {
                offsets.add(end);
                sizes.add(slot);
                end = Math.addExact(end, slot);
            }
        }
        return new SlotGeometry(List.copyOf(offsets), List.copyOf(sizes), end);
    }

    int slotCount() {
        return offsets.size();
    }
}
