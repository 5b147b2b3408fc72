package io.millrace.prefetch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.millrace.memory.NativeCallException;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.TierFullException;
import io.millrace.memory.nvme.io.Fault;
import io.millrace.memory.nvme.io.FaultPlan;
import java.nio.file.Path;
import java.time.Duration;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whatever breaks, the computation hears of it and everything ends. */
@ExtendWith(SeedExtension.class)
@Timeout(30)
final class FeedFailureTest {
    private static final long TIGHT = 20_480 + 12_288;

    @TempDir Path folder;

    /** Where a fault is put in. */
    enum Place {
        READ("nvme-read"),
        UPLOAD("h2d"),
        DOWNLOAD("d2h"),
        WRITE("nvme-write");

        private final String lane;

        Place(String lane) {
            this.lane = lane;
        }

        void hook(FeedRig rig, Runnable hook) {
            switch (this) {
                case READ -> rig.beforeRead = hook;
                case UPLOAD -> rig.beforeUpload = hook;
                case DOWNLOAD -> rig.beforeDownload = hook;
                case WRITE -> rig.beforeWrite = hook;
            }
        }
    }

    @AfterEach
    void noLaneIsLeft() {
        assertThat(Thread.getAllStackTraces().keySet())
                .extracting(Thread::getName)
                .doesNotContain(
                        "millrace-nvme-read",
                        "millrace-h2d",
                        "millrace-d2h",
                        "millrace-nvme-write");
    }

    private static PipelinedFeed start(FeedRig rig, Duration stallLimit) {
        Placement placement = rig.place(FeedRig.UNTIED, TIGHT, TIGHT, 1);
        return rig.start(placement, FeedOptions.defaults().withStallLimit(stallLimit));
    }

    private static Runnable onCall(int number, Runnable then) {
        AtomicInteger calls = new AtomicInteger();
        return () -> {
            if (calls.incrementAndGet() == number) {
                then.run();
            }
        };
    }

    @ParameterizedTest
    @EnumSource(Place.class)
    void tellsTheComputationOfADeadLane(Place place) {
        try (FeedRig rig = new FeedRig(folder)) {
            Error dead = new UnknownError("the lane died");
            place.hook(
                    rig,
                    onCall(
                            9,
                            () -> {
                                throw dead;
                            }));
            PipelinedFeed feed = start(rig, Duration.ofSeconds(20));
            FeedException failure =
                    catchThrowableOfType(
                            FeedException.class,
                            () -> FeedRig.tune(feed, FeedRig.UNTIED, 1, 50, 1));
            assertThat(failure)
                    .hasCause(dead)
                    .hasMessageContaining(place.lane)
                    .hasMessageContaining("step 2")
                    .hasMessageContaining("the lane died");
            assertThatThrownBy(() -> feed.acquire(0)).isInstanceOf(FeedException.class);
            assertThatThrownBy(feed::flush).isInstanceOf(FeedException.class).hasCause(dead);
        }
    }

    @ParameterizedTest
    @EnumSource(Place.class)
    void namesTheStuckLaneAndWhatItWasAt(Place place) {
        CountDownLatch release = new CountDownLatch(1);
        try (FeedRig rig = new FeedRig(folder)) {
            place.hook(rig, onCall(9, () -> awaitOrGiveUp(release)));
            PipelinedFeed feed = start(rig, Duration.ofMillis(300));
            assertThatThrownBy(() -> FeedRig.tune(feed, FeedRig.UNTIED, 1, 50, 1))
                    .isInstanceOf(FeedException.class)
                    .hasMessageContaining("nothing moved")
                    .hasMessageMatching(
                            ".*: millrace-"
                                    + place.lane
                                    + " has been moving block \\d of step 2"
                                    + " \\((9024|20032) bytes\\) for .*");
        }
    }

    @Test
    void aBlockThatComesPieceByPieceIsNotStuck() {
        try (FeedRig rig = new FeedRig(folder)) {
            // Each piece comes within the limit, and the block takes three times as long.
            rig.duringRead =
                    new Consumer<>() {
                        private int reads;

                        @Override
                        public void accept(Runnable progress) {
                            for (int piece = 0; reads == 0 && piece < 45; piece++) {
                                LockSupport.parkNanos(Duration.ofMillis(20).toNanos());
                                progress.run();
                            }
                            reads++;
                        }
                    };
            PipelinedFeed feed = start(rig, Duration.ofMillis(300));
            assertThat(FeedRig.tune(feed, FeedRig.UNTIED, 1, 1, 1))
                    .isEqualTo(FeedRig.expected(FeedRig.UNTIED, 1, 1));
        }
    }

    private static void awaitOrGiveUp(CountDownLatch release) {
        try {
            release.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException("given up", e);
        }
    }

    @Test
    void namesALaneThatDoesNotEndAndKeepsItsMemory() throws InterruptedException {
        CountDownLatch release = new CountDownLatch(1);
        FeedRig rig = new FeedRig(folder);
        rig.beforeRead =
                () -> {
                    while (release.getCount() > 0) {
                        LockSupport.parkNanos(1_000_000);
                    }
                };
        PipelinedFeed feed = start(rig, Duration.ofMillis(200));
        assertThatThrownBy(() -> feed.acquire(0)).hasMessageContaining("nothing moved");
        int slabs = rig.host.openSlabs();
        assertThatThrownBy(feed::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("millrace-nvme-read has been moving block 0");
        assertThat(rig.host.openSlabs()).isEqualTo(slabs);
        release.countDown();
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().equals("millrace-nvme-read")) {
                thread.join();
            }
        }
        rig.store.close();
        rig.io.close();
    }

    @Test
    void namesTheJournalWhenItIsStuck() {
        try (FeedRig rig = new FeedRig(folder)) {
            rig.journalThrough.set(0);
            PipelinedFeed feed = start(rig, Duration.ofMillis(300));
            assertThatThrownBy(() -> FeedRig.tune(feed, FeedRig.UNTIED, 1, 50, 1))
                    .hasMessageContaining("waiting for the journal to hold block 0 of step 1");
        }
    }

    @Test
    void reportsADriveThatFailsToRead() {
        try (FeedRig rig = new FeedRig(folder)) {
            PipelinedFeed feed = start(rig, Duration.ofSeconds(20));
            FeedRig.tune(feed, FeedRig.UNTIED, 1, 2, 1);
            rig.io.plan(FaultPlan.none(3).with(Fault.READ_ERROR, 1));
            assertThatThrownBy(() -> FeedRig.tune(feed, FeedRig.UNTIED, 3, 50, 1))
                    .isInstanceOf(FeedException.class)
                    .hasCauseInstanceOf(NativeCallException.class)
                    .hasMessageContaining("nvme-read of block");
        }
    }

    @Test
    void reportsAFullDrive() {
        try (FeedRig rig = new FeedRig(folder)) {
            rig.io.plan(FaultPlan.none(3).with(Fault.FULL, 1));
            PipelinedFeed feed = start(rig, Duration.ofSeconds(20));
            assertThatThrownBy(() -> FeedRig.tune(feed, FeedRig.UNTIED, 1, 50, 1))
                    .isInstanceOf(FeedException.class)
                    .hasCauseInstanceOf(TierFullException.class)
                    .hasMessageContaining("nvme-write of block");
        }
    }

    @Test
    void reportsADriveThatFailsToSync() {
        try (FeedRig rig = new FeedRig(folder)) {
            PipelinedFeed feed =
                    rig.start(
                            rig.place(FeedRig.UNTIED, 1 << 20, PlacementRequest.UNIFIED, 1),
                            FeedOptions.defaults());
            FeedRig.tune(feed, FeedRig.UNTIED, 1, 2, 1);
            rig.io.plan(FaultPlan.none(3).with(Fault.SYNC_ERROR, 1));
            assertThatThrownBy(feed::flush)
                    .isInstanceOf(FeedException.class)
                    .hasMessageContaining("flush failed");
        }
    }

    @Test
    void saysAtTheNextCallWhatFailedAfterTheLastVisit() {
        try (FeedRig rig = new FeedRig(folder)) {
            FeedOptions sequential = FeedOptions.defaults().withOverlap(false);
            PipelinedFeed feed = rig.start(rig.place(FeedRig.UNTIED, 20_480, TIGHT, 1), sequential);
            rig.io.plan(FaultPlan.none(3).with(Fault.WRITE_ERROR, 1));
            BlockLease lease = feed.acquire(0);
            lease.markFolded(1, true);
            lease.close();
            assertThatThrownBy(() -> feed.acquire(1)).isInstanceOf(FeedException.class);
        }
    }

    @Test
    void keepsLaterFailuresInTheFirst() throws InterruptedException {
        CountDownLatch uploading = new CountDownLatch(1);
        CountDownLatch readFailed = new CountDownLatch(1);
        try (FeedRig rig = new FeedRig(folder)) {
            rig.beforeUpload =
                    () -> {
                        uploading.countDown();
                        awaitOrGiveUp(readFailed);
                        throw new IllegalStateException("second");
                    };
            rig.beforeRead =
                    onCall(
                            2,
                            () -> {
                                awaitOrGiveUp(uploading);
                                throw new IllegalStateException("first");
                            });
            PipelinedFeed feed = start(rig, Duration.ofSeconds(20));
            FeedException failure =
                    catchThrowableOfType(FeedException.class, () -> feed.acquire(0));
            readFailed.countDown();
            feed.close();
            assertThat(failure.getCause()).hasMessage("first");
            assertThat(failure.getCause().getSuppressed())
                    .singleElement()
                    .satisfies(later -> assertThat(later).hasMessage("second"));
        }
    }

    @Test
    void endsWhereverItIsClosed(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int run = 0; run < 20; run++) {
            Path place = folder.resolve("run" + run);
            assertThat(place.toFile().mkdir()).isTrue();
            try (FeedRig rig = new FeedRig(place)) {
                rig.pauseEverything(seed + run);
                PipelinedFeed feed = start(rig, Duration.ofSeconds(20));
                int visits = random.nextInt(15);
                for (int visit = 0; visit < visits; visit++) {
                    try (BlockLease lease = feed.acquire(visit % 6)) {
                        lease.markFolded(1 + visit / 6, true);
                    }
                }
            }
        }
    }

    @Test
    void survivesShortTransfers(@Seed long seed) {
        requireSameBytesUnder(FaultPlan.none(seed).with(Fault.SHORT, 0.3));
    }

    @Test
    void survivesABitThatFlippedOnTheWay(@Seed long seed) {
        requireSameBytesUnder(FaultPlan.none(seed).with(Fault.BIT_FLIP, 0.1).withLimit(1));
    }

    private void requireSameBytesUnder(FaultPlan faults) {
        try (FeedRig rig = new FeedRig(folder)) {
            rig.io.plan(faults);
            PipelinedFeed feed = start(rig, Duration.ofSeconds(20));
            assertThat(FeedRig.tune(feed, FeedRig.UNTIED, 1, 7, 1))
                    .isEqualTo(FeedRig.expected(FeedRig.UNTIED, 7, 1));
            feed.flush();
            assertThat(rig.io.faultCount()).isPositive();
        }
    }
}
