package io.millrace.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(SeedExtension.class)
final class LedgerTest {
    @Test
    void refusalNamesPurposeBudgetAndUseAndTakesNothing() {
        Ledger ledger = new Ledger(Map.of(Tier.HOST, 10_000L));
        ledger.reserve(Tier.HOST, "slots", 8_000);
        assertThatThrownBy(() -> ledger.reserve(Tier.HOST, "activations", 2_001))
                .isInstanceOf(TierFullException.class)
                .hasMessageContainingAll("activations", "host", "1.95KiB", "9.77KiB", "7.81KiB");
        assertThat(ledger.inUse(Tier.HOST)).isEqualTo(8_000);
        assertThat(ledger.free(Tier.HOST)).isEqualTo(2_000);
    }

    @Test
    void refusesToReleaseWhatWasNeverReserved() {
        Ledger ledger = Ledger.unlimited();
        ledger.reserve(Tier.NVME, "store", 5);
        assertThatThrownBy(() -> ledger.release(Tier.NVME, 6))
                .isInstanceOf(IllegalStateException.class);
        assertThat(ledger.inUse(Tier.NVME)).isEqualTo(5);
        assertThatThrownBy(() -> ledger.reserve(Tier.NVME, "store", -1))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void agreesWithAnObviousOracleOverRandomHistories(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        long budget = 1 + random.nextLong(1 << 20);
        Ledger ledger = new Ledger(Map.of(Tier.DEVICE, budget));
        ArrayDeque<Long> held = new ArrayDeque<>();
        long inUse = 0;
        long highWater = 0;
        for (int i = 0; i < 10_000; i++) {
            if (random.nextBoolean() || held.isEmpty()) {
                long bytes = random.nextLong(budget / 2 + 1);
                if (bytes > budget - inUse) {
                    assertThatThrownBy(() -> ledger.reserve(Tier.DEVICE, "x", bytes))
                            .isInstanceOf(TierFullException.class);
                } else {
                    ledger.reserve(Tier.DEVICE, "x", bytes);
                    held.add(bytes);
                    inUse += bytes;
                    highWater = Math.max(highWater, inUse);
                }
            } else {
                long bytes = held.poll();
                ledger.release(Tier.DEVICE, bytes);
                inUse -= bytes;
            }
            assertThat(ledger.inUse(Tier.DEVICE)).isEqualTo(inUse);
        }
        assertThat(ledger.highWater(Tier.DEVICE)).isEqualTo(highWater);
    }

    @Test
    void neverExceedsTheBudgetUnderContention() throws Exception {
        Ledger ledger = new Ledger(Map.of(Tier.HOST, 100L));
        CountDownLatch start = new CountDownLatch(1);
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Future<?>> done = new ArrayList<>();
            for (int t = 0; t < 4; t++) {
                done.add(
                        threads.submit(() -> {
                            start.await();
                            for (int i = 0; i < 20_000; i++) {
                                try {
                                    ledger.reserve(Tier.HOST, "x", 30);
                                } catch (TierFullException full) {
                                    continue;
                                }
                                ledger.release(Tier.HOST, 30);
                            }
                            return null;
                        }));
            }
            start.countDown();
            for (Future<?> thread : done) {
                thread.get();
            }
        }
        assertThat(ledger.inUse(Tier.HOST)).isZero();
        assertThat(ledger.highWater(Tier.HOST)).isLessThanOrEqualTo(100);
    }
}
