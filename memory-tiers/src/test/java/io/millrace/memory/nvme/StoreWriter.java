package io.millrace.memory.nvme;

import io.millrace.memory.Ledger;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;

/** A process that writes blocks until it is killed. */
final class StoreWriter {
    static final List<Long> SIZES = List.of(600_000L, 300_000L, 300_000L, 300_000L);

    private StoreWriter() {}

    public static void main(String[] arguments) {
        Path folder = Path.of(arguments[0]);
        SplittableRandom random = new SplittableRandom(Long.parseLong(arguments[1]));
        HostMemory memory = new HostMemory(Ledger.unlimited());
        StoreConfig config = new StoreConfig(folder, SIZES, 1, 0);
        try (FileIo io = FileIo.open(folder, IoOptions.defaults().withPieces(64 << 10, 4));
                BlockStore store = BlockStore.open(config, io, memory);
                HostSlab slab = memory.allocate("block", SIZES.get(0))) {
            long step = 0;
            for (int block = 0; block < SIZES.size(); block++) {
                step = Math.max(step, store.version(block));
            }
            while (true) {
                int block = random.nextInt(SIZES.size());
                MemorySegment bytes = slab.segment().asSlice(0, SIZES.get(block));
                Patterns.fill(bytes, block, ++step);
                store.write(block, slab.segment(), step);
                if (random.nextInt(3) == 0) {
                    store.sync();
                    StringBuilder synced = new StringBuilder("synced");
                    for (int i = 0; i < SIZES.size(); i++) {
                        synced.append(' ').append(store.durableVersion(i));
                    }
                    System.out.println(synced);
                }
            }
        }
    }
}
