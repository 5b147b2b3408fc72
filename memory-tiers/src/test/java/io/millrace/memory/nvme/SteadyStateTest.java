package io.millrace.memory.nvme;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import io.millrace.memory.Ledger;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Collections;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SteadyStateTest {
    private static final int VISITS = 200;

    @TempDir Path folder;

    /** Reads and writes a block as a visit does, and counts what every thread allocates. */
    @Test
    void visitOfABlockLeavesLittleOnTheHeap() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        HostMemory memory = new HostMemory(Ledger.unlimited());
        long block = 4L << 20;
        StoreConfig config = new StoreConfig(folder, Collections.nCopies(4, block), 1, 0);
        IoOptions manyPieces = IoOptions.defaults().withPieces(64 << 10, 4);
        try (FileIo io = FileIo.open(folder, manyPieces);
                BlockStore store = BlockStore.open(config, io, memory);
                BlockRead read = store.newRead();
                BlockWrite write = store.newWrite();
                HostSlab slab = memory.allocate("block", block)) {
            long before = 0;
            for (int i = 0; i < 2 * VISITS; i++) {
                if (i == VISITS) {
                    before = threads.getTotalThreadAllocatedBytes();
                }
                write.start(i % 4, slab.segment(), i + 1);
                write.await();
                read.start(i % 4, slab.segment());
                read.await();
            }
            long perVisit = (threads.getTotalThreadAllocatedBytes() - before) / VISITS;
            assertThat(perVisit).as("bytes a visit").isLessThan(4096);
        }
    }
}
