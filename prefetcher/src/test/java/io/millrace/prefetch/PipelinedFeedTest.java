package io.millrace.prefetch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.Tier;
import io.millrace.prefetch.residency.SlotCut;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanLog;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(SeedExtension.class)
@Timeout(60)
final class PipelinedFeedTest {
    private static final long ALL = 1 << 20;
    private static final long LARGEST = 20_480;
    private static final long LAYER = 12_288;
    private static final long UNIFIED = PlacementRequest.UNIFIED;

    @TempDir Path folder;

    @Test
    void givesTheSameBytesWhateverTheBudgets(@Seed long seed) {
        List<Long> hostBudgets = List.of(ALL, LARGEST, LARGEST + LAYER, LARGEST + 3 * LAYER);
        List<Long> deviceBudgets = List.of(-1L, LARGEST, LARGEST + 2 * LAYER, ALL);
        int run = 0;
        for (List<Integer> visits : List.of(FeedRig.TIED, FeedRig.UNTIED)) {
            long expected = FeedRig.expected(visits, 7, 1);
            for (long host : hostBudgets) {
                for (long device : deviceBudgets) {
                    run++;
                    requireSame(visits, host, device, 1 + run % 4, true, 1, seed + run, expected);
                }
            }
        }
    }

    @Test
    void givesTheSameBytesWithoutOverlap(@Seed long seed) {
        long expected = FeedRig.expected(FeedRig.TIED, 7, 1);
        for (long device : new long[] {UNIFIED, LARGEST + LAYER, ALL}) {
            for (long host : new long[] {LARGEST, LARGEST + 2 * LAYER, ALL}) {
                requireSame(FeedRig.TIED, host, device, 2, false, 1, seed, expected);
            }
        }
    }

    @Test
    void givesTheSameBytesWithRandomDelaysAndFolding(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int run = 0; run < 24; run++) {
            List<Integer> visits = random.nextBoolean() ? FeedRig.TIED : FeedRig.UNTIED;
            int foldEvery = 1 + random.nextInt(4);
            long host = LARGEST + random.nextLong(5 * LAYER);
            long device = random.nextBoolean() ? UNIFIED : LARGEST + random.nextLong(5 * LAYER);
            long expected = FeedRig.expected(visits, 7, foldEvery);
            int prefetch = random.nextInt(5);
            boolean overlap = random.nextInt(4) > 0;
            requireSame(visits, host, device, prefetch, overlap, foldEvery, seed + run, expected);
        }
    }

    @Test
    void givesTheSameBytesWhenFlushedBetweenPasses(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        long expected = FeedRig.expected(FeedRig.TIED, 7, 2);
        for (int run = 0; run < 12; run++) {
            long host = LARGEST + random.nextLong(5 * LAYER);
            long device = run % 3 == 0 ? UNIFIED : LARGEST + random.nextLong(5 * LAYER);
            Path place = folder.resolve("flushed" + run);
            assertThat(place.toFile().mkdir()).isTrue();
            try (FeedRig rig = new FeedRig(place)) {
                rig.pauseEverything(seed + run);
                Placement placement = rig.place(FeedRig.TIED, host, device, 1 + run % 3);
                PipelinedFeed feed = rig.start(placement, FeedOptions.defaults());
                long seen = 17;
                for (long step = 1; step <= 7; step++) {
                    seen = FeedRig.tune(feed, FeedRig.TIED, step, step, 2, seen);
                    feed.flush();
                    for (int block = 0; block < placement.homes().size(); block++) {
                        assertThat(rig.store.durableVersion(block)).isEqualTo(step - step % 2);
                    }
                }
                assertThat(seen).as(placement.toString()).isEqualTo(expected);
            }
        }
    }

    private void requireSame(
            List<Integer> visits,
            long host,
            long device,
            int prefetch,
            boolean overlap,
            int foldEvery,
            long seed,
            long expected) {
        String what =
                String.format(
                        "visits %s host %d device %d prefetch %d overlap %s fold every %d seed %d",
                        visits, host, device, prefetch, overlap, foldEvery, seed);
        Path place = folder.resolve("run" + System.nanoTime());
        assertThat(place.toFile().mkdir()).isTrue();
        try (FeedRig rig = new FeedRig(place)) {
            rig.pauseEverything(seed);
            Placement placement = rig.place(visits, host, device, prefetch);
            FeedOptions options = FeedOptions.defaults().withOverlap(overlap);
            PipelinedFeed feed = rig.start(placement, options);
            assertThat(FeedRig.tune(feed, visits, 1, 7, foldEvery)).as(what).isEqualTo(expected);
            feed.flush();
            long lastFold = 7L - 7L % foldEvery;
            for (int block = 0; block < placement.homes().size(); block++) {
                assertThat(rig.store.durableVersion(block)).as(what).isEqualTo(lastFold);
            }
            assertThat(rig.ledger.highWater(Tier.DEVICE))
                    .as(what)
                    .isEqualTo(placement.deviceBytes());
        }
    }

    @Test
    void goesOnWhereAnEarlierRunWasFlushed() {
        long expected = FeedRig.expected(FeedRig.TIED, 7, 1);
        long seen;
        try (FeedRig rig = new FeedRig(folder)) {
            Placement placement = rig.place(FeedRig.TIED, LARGEST + 3 * LAYER, UNIFIED, 1);
            PipelinedFeed feed = rig.start(placement, FeedOptions.defaults());
            seen = FeedRig.tune(feed, FeedRig.TIED, 1, 3, 1);
            feed.flush();
        }
        try (FeedRig rig = new FeedRig(folder)) {
            Placement placement = rig.place(FeedRig.TIED, LARGEST, LARGEST + LAYER, 1);
            PipelinedFeed feed = rig.start(placement, FeedOptions.defaults());
            assertThat(FeedRig.tune(feed, FeedRig.TIED, 4, 7, 1, seen)).isEqualTo(expected);
        }
    }

    @Test
    void writesBackOnlyInFoldingSteps() {
        try (FeedRig rig = new FeedRig(folder)) {
            Placement placement = rig.place(FeedRig.UNTIED, LARGEST, UNIFIED, 1);
            PipelinedFeed feed = rig.start(placement, FeedOptions.defaults());
            FeedRig.tune(feed, FeedRig.UNTIED, 1, 12, 4);
            feed.flush();
            assertThat(rig.writes).hasValue(3 * 6);
            assertThat(rig.journalAsked).hasValue(12);
        }
    }

    @Test
    void movesNothingAfterTheFirstPassWhereEverythingStays() {
        try (FeedRig rig = new FeedRig(folder)) {
            PipelinedFeed feed =
                    rig.start(rig.place(FeedRig.TIED, ALL, ALL, 2), FeedOptions.defaults());
            FeedRig.tune(feed, FeedRig.TIED, 1, 20, 1);
            assertThat(rig.reads).hasValue(6);
            assertThat(rig.uploads).hasValue(6);
            assertThat(rig.downloads).hasValue(0);
            assertThat(rig.writes).hasValue(0);
            feed.flush();
            assertThat(rig.writes).hasValue(6);
            feed.flush();
            assertThat(rig.writes).hasValue(6);
        }
    }

    @Test
    void readsATiedBlockOnceForBothItsVisits() {
        try (FeedRig rig = new FeedRig(folder)) {
            Placement tight = rig.place(FeedRig.TIED, LARGEST + LAYER, UNIFIED, 1);
            assertThat(tight.homes()).containsOnly(Tier.NVME);
            PipelinedFeed feed = rig.start(tight, FeedOptions.defaults());
            int last = FeedRig.TIED.size() - 1;
            for (int pass = 1; pass <= 10; pass++) {
                for (int place = 0; place <= last; place++) {
                    if (place == last) {
                        feed.flush(); // a lane that is late would leave no room to run ahead in
                    }
                    try (BlockLease lease = feed.acquire(FeedRig.TIED.get(place))) {
                        assertThat(lease.foldedThrough()).isZero();
                        if (place == last) {
                            // The lane is past the first visit of the next pass: it shares this.
                            awaitReads(rig, 6L * pass + 2);
                        }
                    }
                }
            }
            feed.flush();
            // Six a pass, the end of one and the beginning of the next sharing, and what is ahead.
            assertThat(rig.reads.get()).isBetween(10L * 6 + 2, 10L * 6 + 3);
        }
    }

    private static void awaitReads(FeedRig rig, long count) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (rig.reads.get() < count) {
            assertThat(System.nanoTime()).as("%s reads", rig.reads).isLessThan(end);
            Thread.onSpinWait();
        }
    }

    @Test
    void recordsASpanForEachTransfer() {
        try (FeedRig rig = new FeedRig(folder)) {
            Placement placement = rig.place(FeedRig.UNTIED, LARGEST + LAYER, LARGEST + LAYER, 1);
            PipelinedFeed feed = rig.start(placement, FeedOptions.defaults());
            FeedRig.tune(feed, FeedRig.UNTIED, 1, 5, 1);
            feed.flush();
            feed.close();
            SpanLog log = rig.spans.newLog();
            rig.spans.drain(Long.MAX_VALUE, log);
            assertThat(count(log, Lane.NVME_READ)).isEqualTo(rig.reads.get());
            assertThat(count(log, Lane.H2D)).isEqualTo(rig.uploads.get());
            assertThat(count(log, Lane.D2H)).isEqualTo(5 * 6);
            assertThat(count(log, Lane.NVME_WRITE)).isEqualTo(5 * 6);
            assertThat(rig.spans.dropped()).isZero();
        }
    }

    private static long count(SpanLog log, Lane lane) {
        long count = 0;
        for (int i = 0; i < log.size(); i++) {
            count += log.lane(i) == lane ? 1 : 0;
        }
        return count;
    }

    @Test
    void writesNoBlockBeforeTheJournalHoldsItsStep() {
        try (FeedRig rig = new FeedRig(folder)) {
            rig.journalThrough.set(0);
            Placement placement = rig.place(FeedRig.UNTIED, LARGEST + 3 * LAYER, UNIFIED, 1);
            PipelinedFeed feed = rig.start(placement, FeedOptions.defaults());
            rig.beforeWrite = () -> assertThat(rig.journalThrough.get()).isEqualTo(1);
            try (BlockLease lease = feed.acquire(0)) {
                lease.markFolded(1, true);
            }
            feed.acquire(1).close();
            assertThat(rig.writes).hasValue(0);
            rig.journalThrough.set(1);
            feed.flush();
            assertThat(rig.store.durableVersion(0)).isEqualTo(1);
        }
    }

    @Test
    void refusesABlockOutOfOrderAndASecondLease() {
        try (FeedRig rig = new FeedRig(folder)) {
            PipelinedFeed feed =
                    rig.start(rig.place(FeedRig.UNTIED, ALL, UNIFIED, 1), FeedOptions.defaults());
            assertThatThrownBy(() -> feed.acquire(3))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("block 0")
                    .hasMessageContaining("block 3");
            BlockLease lease = feed.acquire(0);
            assertThatThrownBy(() -> feed.acquire(1)).hasMessageContaining("still open");
            assertThatThrownBy(feed::flush).hasMessageContaining("still open");
            lease.close();
            lease.close();
            feed.acquire(1).close();
        }
    }

    @Test
    void refusesUseAfterClose() {
        try (FeedRig rig = new FeedRig(folder)) {
            PipelinedFeed feed =
                    rig.start(rig.place(FeedRig.UNTIED, LARGEST, ALL, 1), FeedOptions.defaults());
            BlockLease lease = feed.acquire(0);
            feed.close();
            feed.close();
            lease.close();
            assertThatThrownBy(() -> feed.acquire(1)).hasMessageContaining("closed");
            assertThatThrownBy(feed::flush).hasMessageContaining("closed");
        }
    }

    @Test
    void holdsNoSlotsBeyondWhatIsAhead() {
        try (FeedRig rig = new FeedRig(folder)) {
            Placement placement = rig.place(FeedRig.TIED, LARGEST + LAYER, LARGEST, 1);
            FeedOptions sequential = FeedOptions.defaults().withOverlap(false);
            PipelinedFeed feed = rig.start(placement, sequential);
            FeedRig.tune(feed, FeedRig.TIED, 1, 3, 1);
            assertThat(feed.lentSlots()).isZero();
        }
    }

    @Test
    void readsALargeBlockWhileTheSmallOneBeforeItIsComputed() throws InterruptedException {
        try (FeedRig rig = new FeedRig(folder)) {
            Placement placement = rig.place(FeedRig.TIED, LARGEST + 3 * LAYER, UNIFIED, 2);
            assertThat(placement.homes().getFirst()).isEqualTo(Tier.NVME);
            assertThat(placement.hostSlots())
                    .extracting(SlotCut::bytes)
                    .containsExactlyInAnyOrder(LAYER, LARGEST);
            PipelinedFeed feed = rig.start(placement, FeedOptions.defaults());
            for (int block = 0; block < 5; block++) {
                feed.acquire(block).close();
            }
            try (BlockLease last = feed.acquire(5)) {
                long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
                while (rig.reads.get() < 7 && System.nanoTime() < deadline) {
                    Thread.sleep(1);
                }
                assertThat(rig.reads.get()).as("reads under %s", last).isEqualTo(7);
            }
        }
    }

    @Test
    void keepsTheLanesApartWithoutOverlap() {
        try (FeedRig rig = new FeedRig(folder)) {
            rig.pauseEverything(5);
            Placement placement = rig.place(FeedRig.TIED, LARGEST + 2 * LAYER, LARGEST, 2);
            PipelinedFeed feed = rig.start(placement, FeedOptions.defaults().withOverlap(false));
            FeedRig.tune(feed, FeedRig.TIED, 1, 5, 1);
            SpanLog log = rig.spans.newLog();
            rig.spans.drain(Long.MAX_VALUE, log);
            List<long[]> spans = new ArrayList<>();
            for (int i = 0; i < log.size(); i++) {
                spans.add(new long[] {log.startNs(i), log.endNs(i)});
            }
            spans.sort((a, b) -> Long.compare(a[0], b[0]));
            assertThat(spans).hasSizeGreaterThan(50);
            for (int i = 1; i < spans.size(); i++) {
                assertThat(spans.get(i)[0]).isGreaterThanOrEqualTo(spans.get(i - 1)[1]);
            }
        }
    }
}
