package io.millrace.memory.host;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.Ledger;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.Tier;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(SeedExtension.class)
final class SlabPoolTest {
    private final Ledger ledger = Ledger.unlimited();
    private final HostMemory memory = new HostMemory(ledger);

    @AfterEach
    void nothingStaysOpen() {
        memory.requireNoneOpen();
        assertThat(ledger.inUse(Tier.HOST)).isZero();
    }

    @Test
    void pinsAtMostTwoPercentMoreThanTheBlocks() {
        long[] blocks = {28_351_488, 28_351_488, 154_389_504, 5_000_000};
        try (SlabPool pool = new SlabPool(memory, "blocks", blocks)) {
            long weights = 28_351_488L * 2 + 154_389_504 + 5_000_000;
            assertThat(pool.sizeBytes()).isBetween(weights, (long) (weights * 1.02));
            assertThat(ledger.inUse(Tier.HOST)).isEqualTo(pool.sizeBytes());
        }
    }

    @Test
    void lendsTheSmallestSlotThatFitsAndNullWhenNoneIsFree() {
        try (SlabPool pool = new SlabPool(memory, "blocks", 8192, 4096, 4096)) {
            try (SlotLease large = pool.tryLease(4097)) {
                assertThat(large.segment().byteSize()).isEqualTo(8192);
                assertThat(pool.tryLease(8000)).isNull();
                assertThatThrownBy(() -> pool.tryLease(8193))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("8193");
                try (SlotLease small = pool.tryLease(1)) {
                    assertThat(small.segment().byteSize()).isEqualTo(4096);
                }
            }
            assertThat(pool.lentCount()).isZero();
            assertThat(pool.highWater()).isEqualTo(2);
        }
    }

    @Test
    void returnsSlotWhenLeaseClosesAndOnlyOnce() {
        try (SlabPool pool = SlabPool.ofEqualSlots(memory, "blocks", 100, 1)) {
            SlotLease first = pool.tryLease(100);
            first.close();
            try (SlotLease second = pool.tryLease(100)) {
                first.close();
                assertThat(pool.tryLease(100)).isNull();
                assertThat(second.slot()).isZero();
            }
            assertThatThrownBy(first::segment).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void waitsForASlot() throws Exception {
        try (SlabPool pool = SlabPool.ofEqualSlots(memory, "blocks", 100, 1)) {
            SlotLease first = pool.tryLease(100);
            FutureTask<SlotLease> waiting = new FutureTask<>(() -> pool.lease(100));
            Thread thread = new Thread(waiting);
            thread.start();
            while (thread.getState() != Thread.State.WAITING) {
                Thread.onSpinWait();
            }
            first.close();
            waiting.get().close();
            thread.join();
        }
    }

    @Test
    void closingWithALeaseOutNamesWhereItWasOpenedAndFreesTheSlab() {
        SlabPool pool = SlabPool.ofEqualSlots(memory, "blocks", 100, 2);
        SlotLease lease = pool.tryLease(100);
        assertThatThrownBy(pool::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("blocks slot 0")
                .satisfies(leak -> assertThat(leak.getSuppressed()).hasSize(1));
        assertThatThrownBy(() -> lease.segment().get(JAVA_BYTE, 0))
                .isInstanceOf(IllegalStateException.class);
        lease.close();
        assertThatThrownBy(() -> pool.tryLease(1)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void slotsNeverOverlapOverRandomHistories(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        long[] sizes = random.longs(12, 1, 20_000).toArray();
        try (SlabPool pool = new SlabPool(memory, "blocks", sizes)) {
            List<SlotLease> held = new ArrayList<>();
            Map<SlotLease, Byte> marks = new HashMap<>();
            for (int i = 0; i < 2_000; i++) {
                SlotLease lease = pool.tryLease(1 + random.nextLong(sizes[0]));
                if (lease != null) {
                    marks.put(lease, (byte) i);
                    lease.segment().fill((byte) i);
                    held.add(lease);
                }
                if (!held.isEmpty() && (lease == null || random.nextBoolean())) {
                    SlotLease back = held.remove(random.nextInt(held.size()));
                    assertThat(back.segment().toArray(JAVA_BYTE)).containsOnly(marks.remove(back));
                    back.close();
                }
            }
            held.forEach(SlotLease::close);
        }
    }
}
