package io.millrace.memory.nvme.io;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Errno;
import io.millrace.memory.Ledger;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.memory.nvme.BlockRead;
import io.millrace.memory.nvme.BlockStore;
import io.millrace.memory.nvme.BlockWrite;
import io.millrace.memory.nvme.FileExtent;
import io.millrace.memory.nvme.LayeredSource;
import io.millrace.memory.nvme.OriginalReader;
import io.millrace.memory.nvme.StoreConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
final class TransferTest {
    private static final long BYTES = 10 * 4096 + 100;

    @TempDir Path folder;
    private final HostMemory memory = new HostMemory(Ledger.unlimited());

    @Test
    void everyPieceOfABlockIsHeardOf() throws IOException {
        IoOptions options = IoOptions.defaults().withPieces(4096, 1);
        Path base = Files.write(folder.resolve("base"), new byte[(int) BYTES]);
        List<List<FileExtent>> extents = List.of(List.of(new FileExtent(base, 0, BYTES, 0)));
        try (FileIo io = new FaultyFileIo(FileIo.open(folder, options), slow());
                HostSlab slab = memory.allocate("block", BYTES);
                BlockStore store =
                        BlockStore.open(new StoreConfig(folder, List.of(BYTES), 1, 0), io, memory);
                OriginalReader original = new OriginalReader(extents, List.of(BYTES), io, memory)) {
            AtomicInteger heard = new AtomicInteger();
            LayeredSource source = new LayeredSource(List.of(store, original));
            try (BlockRead read = source.newRead();
                    BlockWrite write = store.newWrite()) {
                read.onProgress(heard::incrementAndGet);
                write.onProgress(heard::incrementAndGet);
                read.start(0, slab.segment());
                read.await();
                assertThat(heard.getAndSet(0)).as("read from the original").isEqualTo(11);
                write.start(0, slab.segment(), 1);
                write.await();
                assertThat(heard.getAndSet(0)).as("written").isEqualTo(11);
                read.start(0, slab.segment());
                read.await();
                assertThat(heard.get()).as("read from the store").isEqualTo(11);
            }
        }
    }

    private static FaultPlan slow() {
        return FaultPlan.none(1).withDelay(TimeUnit.MICROSECONDS.toNanos(100));
    }

    @Test
    void aBusySystemIsAskedAgainAndGivenTime() {
        BusyFile file = new BusyFile(12);
        Transfer transfer = new Transfer(4096, 1);
        try (HostSlab slab = memory.allocate("page", 4096)) {
            long beganNs = System.nanoTime();
            transfer.start(file, IoRequest.Op.READ, 0, slab.segment(), 0, 4096, 4096);
            transfer.await();
            // 20 us, and twice that, and so on up to 10 ms.
            assertThat(System.nanoTime() - beganNs).isGreaterThan(30_000_000);
            assertThat(file.asked).isEqualTo(13);
            assertThat(transfer.retryCount()).isEqualTo(12);
        }
    }

    /** Has no room for the first requests. */
    private static final class BusyFile implements IoFile {
        private int busy;
        private int asked;

        BusyFile(int busy) {
            this.busy = busy;
        }

        @Override
        public Path path() {
            return Path.of("busy");
        }

        @Override
        public long sizeBytes() {
            return 4096;
        }

        @Override
        public int alignment() {
            return 1;
        }

        @Override
        public void submit(IoRequest request) {
            asked++;
            request.complete(busy-- > 0 ? -Errno.EAGAIN.code() : request.length());
        }

        @Override
        public void close() {}
    }
}
