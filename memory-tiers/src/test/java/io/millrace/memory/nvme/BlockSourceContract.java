package io.millrace.memory.nvme;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Ledger;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What holds for every place that blocks are read from. */
@ExtendWith(SeedExtension.class)
public abstract class BlockSourceContract {
    private static final byte POISON = (byte) 0xEE;

    @TempDir Path folder;
    private final HostMemory memory = new HostMemory(Ledger.unlimited());
    private Opened opened;

    /** A source, what its blocks hold, and what has to be closed after it. */
    public record Opened(BlockSource source, List<Expected> blocks, AutoCloseable beneath) {}

    /** A block's version, and its bytes where they count: between tensors any may stand. */
    public record Expected(long version, byte[] bytes, boolean[] counts) {
        /** A block of which every byte counts. */
        public static Expected all(long version, byte[] bytes) {
            boolean[] counts = new boolean[bytes.length];
            Arrays.fill(counts, true);
            return new Expected(version, bytes, counts);
        }
    }

    /** Makes one with blocks of several sizes. */
    protected abstract Opened open(Path place, HostMemory host) throws Exception;

    @BeforeEach
    final void open() throws Exception {
        opened = open(folder, memory);
    }

    @AfterEach
    final void close() throws Exception {
        if (opened.source() instanceof AutoCloseable source) {
            source.close();
        }
        opened.beneath().close();
        memory.requireNoneOpen();
    }

    private HostSlab target(int block) {
        HostSlab slab = memory.allocate("block", HostMemory.pageBytes(sizeOf(block)));
        slab.segment().fill(POISON);
        return slab;
    }

    private long sizeOf(int block) {
        return opened.blocks().get(block).bytes().length;
    }

    private void require(int block, HostSlab target) {
        Expected expected = opened.blocks().get(block);
        byte[] read = target.segment().asSlice(0, sizeOf(block)).toArray(JAVA_BYTE);
        for (int i = 0; i < read.length; i++) {
            if (expected.counts()[i] && read[i] != expected.bytes()[i]) {
                throw new AssertionError("block " + block + " has another byte " + i);
            }
        }
    }

    @Test
    final void saysHowLargeItsBlocksAreAndOfWhichStep() {
        for (int block = 0; block < opened.blocks().size(); block++) {
            assertThat(opened.source().has(block)).isTrue();
            assertThat(opened.source().blockBytes(block)).isEqualTo(sizeOf(block));
            assertThat(opened.source().version(block))
                    .isEqualTo(opened.blocks().get(block).version());
        }
    }

    @Test
    final void oneReaderReadsAnyBlocksInAnyOrder(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        try (BlockRead read = opened.source().newRead()) {
            for (int round = 0; round < 12; round++) {
                int block = random.nextInt(opened.blocks().size());
                try (HostSlab target = target(block)) {
                    read.start(block, target.segment());
                    assertThat(read.await()).isEqualTo(opened.source().version(block));
                    require(block, target);
                }
            }
        }
    }

    @Test
    final void readersOfTheirOwnAreUnderWayTogether() {
        List<BlockRead> reads = new ArrayList<>();
        List<HostSlab> targets = new ArrayList<>();
        for (int block = 0; block < opened.blocks().size(); block++) {
            reads.add(opened.source().newRead());
            targets.add(target(block));
            reads.get(block).start(block, targets.get(block).segment());
        }
        for (int block = reads.size() - 1; block >= 0; block--) {
            assertThat(reads.get(block).await()).isEqualTo(opened.source().version(block));
            require(block, targets.get(block));
        }
        reads.forEach(BlockRead::close);
        reads.forEach(BlockRead::close); // a second call does nothing
        targets.forEach(HostSlab::close);
    }

    @Test
    final void aReaderMayBeGivenUpBeforeItsBlockIsThere() {
        try (HostSlab target = target(0)) {
            BlockRead read = opened.source().newRead();
            read.start(0, target.segment());
            read.close();
        }
        try (HostSlab target = target(0)) {
            assertThat(opened.source().read(0, target.segment()))
                    .isEqualTo(opened.source().version(0));
            require(0, target);
        }
    }

    @Test
    final void whoListensToPiecesDisturbsNothing() {
        try (BlockRead read = opened.source().newRead();
                HostSlab target = target(0)) {
            read.onProgress(() -> {});
            read.start(0, target.segment());
            read.await();
            require(0, target);
        }
    }
}
