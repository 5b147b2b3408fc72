package io.millrace.prefetch;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.Tier;
import io.millrace.memory.host.HostSlab;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanLog;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A step that changes no byte of a block moves none of it, and none of its updates is lost. */
@ExtendWith(SeedExtension.class)
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class UnchangedBlockTest {
    private static final long LARGEST = 20_480;
    private static final long LAYER = 12_288;
    private static final int STEPS = 9;
    private static final int BLOCKS = FeedRig.SIZES.size();

    @TempDir Path folder;

    /** Which updates change which blocks. */
    @FunctionalInterface
    private interface Changes {
        boolean in(long step, int block);
    }

    /** One step: brings each block up to date, and says what that did; the bytes seen. */
    private static long step(BlockFeed feed, List<Integer> visits, long step, Changes changes) {
        long seen = step;
        for (int block : visits) {
            try (BlockLease lease = feed.acquire(block)) {
                boolean changed = false;
                for (long update = lease.foldedThrough() + 1; update <= step; update++) {
                    if (changes.in(update, block)) {
                        FeedRig.fold(lease.weights(), update, block);
                        changed = true;
                    }
                }
                if (lease.foldedThrough() < step) {
                    lease.markFolded(step, changed);
                }
                seen = 31 * seen + FeedRig.digest(lease.weights());
            }
        }
        return seen;
    }

    @ParameterizedTest
    @CsvSource({"32768, -1", "1048576, -1", "57344, 32768", "57344, 57344", "1048576, 1048576"})
    void movesNothingForAStepThatChangesNothing(long host, long device) {
        try (FeedRig rig = new FeedRig(folder)) {
            Placement placement = rig.place(FeedRig.UNTIED, host, device, 1);
            // What is flushed from the device while blocks stay there must be left alone.
            rig.spoilsDownloads = !placement.homes().contains(Tier.DEVICE);
            PipelinedFeed feed = rig.start(placement, FeedOptions.defaults());
            Changes odd = (step, block) -> step % 2 == 1;
            step(feed, FeedRig.UNTIED, 1, odd);
            feed.flush();
            long writes = rig.writes.get();
            long downloads = rig.downloads.get();
            assertThat(writes).isEqualTo(BLOCKS);

            step(feed, FeedRig.UNTIED, 2, odd);
            feed.flush();
            assertThat(rig.writes).hasValue(writes);
            assertThat(rig.downloads).hasValue(downloads);
            requireVersions(rig, placement, 1, 1);

            for (int block : FeedRig.UNTIED) {
                try (BlockLease lease = feed.acquire(block)) {
                    // What stays remembers; what is read again holds what was written.
                    boolean stays = placement.homes().get(block) != Tier.NVME;
                    assertThat(lease.foldedThrough()).isEqualTo(stays ? 2 : 1);
                    FeedRig.fold(lease.weights(), 3, block);
                    lease.markFolded(3, true);
                    lease.markFolded(3, false);
                }
            }
            step(feed, FeedRig.UNTIED, 4, odd);
            feed.flush();
            assertThat(rig.writes).hasValue(2L * BLOCKS);
            assertThat(rig.downloads).hasValue(2 * downloads);
            requireVersions(rig, placement, 3, 4);
            requireStored(rig, 4, odd);
            feed.close();
            SpanLog log = rig.spans.newLog();
            rig.spans.drain(Long.MAX_VALUE, log);
            assertThat(count(log, Lane.D2H)).isEqualTo(rig.downloads.get());
            assertThat(count(log, Lane.NVME_WRITE)).isEqualTo(rig.writes.get());
        }
    }

    private static void requireVersions(
            FeedRig rig, Placement placement, long streamed, long staying) {
        for (int block = 0; block < BLOCKS; block++) {
            boolean stays = placement.homes().get(block) != Tier.NVME;
            assertThat(rig.store.durableVersion(block))
                    .as("block %d of %s", block, placement)
                    .isEqualTo(stays ? staying : streamed);
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
    void anyMixOfChangesGivesTheSameBytesAlsoAfterAKill(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int run = 0; run < 20; run++) {
            List<Integer> visits = random.nextBoolean() ? FeedRig.TIED : FeedRig.UNTIED;
            int one = 1 + random.nextInt(4);
            long salt = random.nextLong();
            Changes changes =
                    (step, block) ->
                            new SplittableRandom(salt + 1009 * step + block).nextInt(one) == 0;
            Path place = folder.resolve("run" + run);
            assertThat(place.toFile().mkdir()).isTrue();
            FeedRig.ArrayFeed plain = new FeedRig.ArrayFeed();
            long through = 0;
            for (int life = 0; life < 2; life++) {
                try (FeedRig rig = new FeedRig(place)) {
                    rig.pauseEverything(seed + run);
                    through = live(rig, plain, visits, changes, through, random);
                }
            }
        }
    }

    /** Some steps in one process, flushed at the end or not. */
    private static long live(
            FeedRig rig,
            FeedRig.ArrayFeed plain,
            List<Integer> visits,
            Changes changes,
            long from,
            SplittableRandom random) {
        long host = LARGEST + random.nextLong(6 * LAYER);
        long device =
                random.nextBoolean()
                        ? PlacementRequest.UNIFIED
                        : LARGEST + random.nextLong(6 * LAYER);
        Placement placement = rig.place(visits, host, device, random.nextInt(4));
        rig.spoilsDownloads = !placement.homes().contains(Tier.DEVICE);
        PipelinedFeed feed =
                rig.start(placement, FeedOptions.defaults().withOverlap(random.nextInt(4) > 0));
        String what = placement + " from step " + from;
        long made = madeBy(rig, from, changes);
        for (long step = from + 1; step <= from + STEPS; step++) {
            if (random.nextInt(3) == 0) {
                feed.settle();
            }
            if (random.nextInt(3) == 0) {
                rig.store.sync();
            }
            assertThat(step(feed, visits, step, changes))
                    .as("step %d of %s", step, what)
                    .isEqualTo(step(plain, visits, step, changes));
            for (int block = 0; block < BLOCKS; block++) {
                made += changes.in(step, block) ? 1 : 0;
            }
        }
        if (random.nextBoolean()) {
            feed.flush();
            requireStored(rig, from + STEPS, changes);
        }
        feed.drain();
        assertThat(rig.writes.get()).as(what).isLessThanOrEqualTo(made);
        feed.close();
        return from + STEPS;
    }

    /** Changes that a life makes anew, since the store does not have them. */
    private static long madeBy(FeedRig rig, long through, Changes changes) {
        long made = 0;
        for (int block = 0; block < BLOCKS; block++) {
            for (long step = rig.store.version(block) + 1; step <= through; step++) {
                made += changes.in(step, block) ? 1 : 0;
            }
        }
        return made;
    }

    /** What the store has is what every update makes, those that it does not name included. */
    private static void requireStored(FeedRig rig, long through, Changes changes) {
        FeedRig.ArrayFeed plain = new FeedRig.ArrayFeed();
        for (long step = 1; step <= through; step++) {
            step(plain, FeedRig.UNTIED, step, changes);
        }
        try (HostSlab slab = rig.host.allocate("a block", LARGEST)) {
            for (int block = 0; block < BLOCKS; block++) {
                long bytes = FeedRig.SIZES.get(block);
                if (rig.store.has(block)) {
                    rig.store.read(block, slab.segment());
                } else {
                    FeedRig.fillBase(block, slab.segment());
                }
                assertThat(FeedRig.digest(slab.segment().asSlice(0, bytes)))
                        .as("block %d in version %d", block, rig.store.version(block))
                        .isEqualTo(FeedRig.digest(plain.acquire(block).weights()));
            }
        }
    }
}
