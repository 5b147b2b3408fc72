package io.millrace.memory.nvme;

import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.BlockSourceContract.Expected;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Sources of the same five blocks, in versions of their own. */
final class ContractSources {
    static final List<Long> SIZES = List.of(300_000L, 70_000L, 70_016L, 64L, 20_480L);

    private ContractSources() {}

    static FileIo io(Path folder) {
        return FileIo.open(folder, IoOptions.defaults().withPieces(16 << 10, 4));
    }

    /** What blocks hold after a step; of step 0 in files, of others in a store. */
    static List<Expected> blocks(long version) {
        List<Expected> blocks = new ArrayList<>();
        for (int block = 0; block < SIZES.size(); block++) {
            byte[] bytes = new byte[Math.toIntExact(SIZES.get(block))];
            Patterns.fill(MemorySegment.ofArray(bytes), block, version);
            blocks.add(Expected.all(version, bytes));
        }
        return blocks;
    }

    /** A store that has every block of a step. */
    static BlockStore store(Path folder, FileIo io, HostMemory memory, long version) {
        BlockStore store = BlockStore.open(StoreConfig.of(folder, SIZES, 42), io, memory);
        for (int block = 0; block < SIZES.size(); block++) {
            write(store, memory, block, version);
        }
        store.sync();
        return store;
    }

    static void write(BlockStore store, HostMemory memory, int block, long version) {
        try (HostSlab slab = memory.allocate("block", HostMemory.pageBytes(SIZES.get(block)))) {
            Patterns.fill(slab.segment().asSlice(0, SIZES.get(block)), block, version);
            store.write(block, slab.segment(), version);
        }
    }

    /** A file in which all blocks lie one after the other from an odd byte on, and its reader. */
    static OriginalReader original(Path folder, FileIo io, HostMemory memory) throws IOException {
        Path file = folder.resolve("model.safetensors");
        List<List<FileExtent>> extents = new ArrayList<>();
        try (var out = Files.newOutputStream(file)) {
            long at = 13;
            out.write(new byte[13]);
            for (int block = 0; block < SIZES.size(); block++) {
                byte[] bytes = blocks(0).get(block).bytes();
                out.write(bytes);
                int half = bytes.length / 2 + 1;
                extents.add(
                        List.of(
                                new FileExtent(file, at, half, 0),
                                new FileExtent(file, at + half, bytes.length - half, half)));
                at += bytes.length;
            }
        }
        return new OriginalReader(extents, SIZES, io, memory);
    }
}
