package io.millrace.prefetch;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Ledger;
import io.millrace.memory.device.DeviceEvent;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.nvme.BlockRead;
import io.millrace.memory.nvme.BlockSource;
import io.millrace.telemetry.SpanLog;
import io.millrace.telemetry.SpanRecorder;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
final class FeedAllocationTest {
    private static final com.sun.management.ThreadMXBean THREADS =
            (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int PASSES = 2000;

    @Test
    void allocatesLittleAVisitOverAllLanes() {
        HostMemory host = new HostMemory(Ledger.unlimited());
        SpanRecorder spans = new SpanRecorder();
        SpanLog log = spans.newLog();
        PlacementRequest request =
                new PlacementRequest(FeedRig.SIZES, FeedRig.UNTIED, 45_056, 45_056, 1, true);
        FeedPorts ports =
                new FeedPorts(
                        host,
                        Optional.of(new HeaplessPort(host)),
                        new StillSource(),
                        Optional.of(new NullSink()),
                        step -> {},
                        spans);
        Placement placement = (Placement) Placement.plan(request);
        assertThat(placement.nvmeBytesPerStep()).isPositive();
        try (PipelinedFeed feed = new PipelinedFeed(placement, ports, FeedOptions.defaults())) {
            pass(feed, 1, 500, spans, log);
            long before = allocatedByLanes();
            pass(feed, 501, 500 + PASSES, spans, log);
            long each = (allocatedByLanes() - before) / ((long) PASSES * FeedRig.UNTIED.size());
            assertThat(each).as("bytes a visit").isLessThan(1024);
        }
        host.requireNoneOpen();
    }

    private static void pass(
            PipelinedFeed feed, long first, long last, SpanRecorder spans, SpanLog log) {
        for (long step = first; step <= last; step++) {
            for (int block : FeedRig.UNTIED) {
                try (BlockLease lease = feed.acquire(block)) {
                    if (lease.foldedThrough() < step) {
                        lease.markFolded(step, true);
                    }
                }
            }
            log.clear();
            spans.drain(spans.now(), log);
        }
    }

    private static long allocatedByLanes() {
        long[] lanes =
                Thread.getAllStackTraces().keySet().stream()
                        .filter(thread ->
                                thread.getName().startsWith("millrace-")
                                        || thread.equals(Thread.currentThread()))
                        .mapToLong(Thread::threadId)
                        .toArray();
        assertThat(lanes.length).isGreaterThanOrEqualTo(5);
        return Arrays.stream(THREADS.getThreadAllocatedBytes(lanes)).sum();
    }

    /** Gives whatever lies in the slot, in the version that was written last. */
    private static final class StillSource implements BlockSource {
        @Override
        public long version(int block) {
            return 0;
        }

        @Override
        public long blockBytes(int block) {
            return FeedRig.SIZES.get(block);
        }

        @Override
        public BlockRead newRead() {
            return new StillRead();
        }
    }

    private static final class StillRead implements BlockRead {
        private int block;

        @Override
        public void start(int index, MemorySegment target) {
            block = index;
        }

        @Override
        public long await() {
            return NullSink.VERSIONS[block];
        }

        @Override
        public void close() {}
    }

    private static final class NullSink implements BlockSink {
        static final long[] VERSIONS = new long[FeedRig.SIZES.size()];

        @Override
        public Writer newWriter() {
            return new Writer() {
                @Override
                public void write(int block, MemorySegment source, long version) {
                    VERSIONS[block] = version;
                }

                @Override
                public void close() {}
            };
        }

        @Override
        public void sync() {}
    }

    private record HeaplessPort(HostMemory memory) implements DevicePort {
        @Override
        public Region allocate(String purpose, long sizeBytes) {
            var slab = memory.allocate(purpose, sizeBytes);
            return new Region() {
                @Override
                public MemorySegment segment() {
                    return slab.segment();
                }

                @Override
                public void close() {
                    slab.close();
                }
            };
        }

        @Override
        public DeviceEvent newEvent() {
            return new DeviceEvent() {
                @Override
                public boolean isDone() {
                    return true;
                }

                @Override
                public void synchronize() {}

                @Override
                public long timeNs() {
                    return 0;
                }

                @Override
                public void close() {}
            };
        }

        @Override
        public void upload(MemorySegment host, Region device, CopyTimes times) {
            times.set(System.nanoTime(), System.nanoTime());
        }

        @Override
        public void download(Region device, MemorySegment host, CopyTimes times) {
            times.set(System.nanoTime(), System.nanoTime());
        }
    }
}
