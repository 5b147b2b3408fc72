package io.millrace.prefetch.probe;

import io.millrace.memory.Ledger;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.host.Pinning;
import io.millrace.prefetch.plan.AvailableMemory;
import io.millrace.prefetch.plan.Machine;
import java.lang.foreign.MemorySegment;

/** Copies within host memory, and pinning. */
final class HostProbe {
    private static final long BLOCK_BYTES = 128L << 20;
    private static final long MOST_PINNED = 256L << 20;
    private static final int ROUNDS = 5;

    private HostProbe() {}

    static Machine.Host run(int cores) {
        HostMemory memory = new HostMemory(Ledger.unlimited());
        AvailableMemory available = AvailableMemory.read();
        long limit = Pinning.lockLimitBytes();
        try (HostSlab from = memory.allocate("probed source", BLOCK_BYTES);
                HostSlab to = memory.allocate("probed target", BLOCK_BYTES)) {
            from.segment().fill((byte) 1);
            MemorySegment.copy(from.segment(), 0, to.segment(), 0, BLOCK_BYTES);
            Stopwatch.Rate copy =
                    Stopwatch.rate(
                            ROUNDS, BLOCK_BYTES, () -> to.segment().copyFrom(from.segment()));
            return new Machine.Host(
                    cores,
                    available.totalBytes(),
                    available.availableBytes(),
                    copy.bytesPerSecond(),
                    pinRate(memory, limit),
                    limit);
        }
    }

    /** Bytes a second of pinning fresh pages; 0 where nothing may be pinned. */
    private static double pinRate(HostMemory memory, long limitBytes) {
        long most = limitBytes < 0 ? MOST_PINNED : Math.min(limitBytes / 2, MOST_PINNED);
        long bytes = most / HostMemory.PAGE_BYTES * HostMemory.PAGE_BYTES;
        if (bytes == 0) {
            return 0;
        }
        long begin = System.nanoTime();
        try (HostSlab slab = memory.allocatePinned("probed pinned memory", bytes)) {
            double seconds = (System.nanoTime() - begin) / 1e9;
            return slab.isPinned() ? bytes / seconds : 0;
        }
    }
}
