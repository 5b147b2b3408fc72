package io.millrace.prefetch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.Tier;
import io.millrace.memory.host.HostSlab;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Blocks that stay are written while the run goes on, each whole and in one version. */
@ExtendWith(SeedExtension.class)
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class SettleTest {
    private static final long LARGEST = 20_480;
    private static final long LAYER = 12_288;
    private static final int STEPS = 9;

    @TempDir Path folder;

    @Test
    void whatStaysReachesTheStoreWithoutAFlush(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int run = 0; run < 120; run++) {
            List<Integer> visits = random.nextBoolean() ? FeedRig.TIED : FeedRig.UNTIED;
            int foldEvery = 1 + random.nextInt(3);
            long host = LARGEST + random.nextLong(6 * LAYER);
            long device =
                    random.nextBoolean()
                            ? PlacementRequest.UNIFIED
                            : LARGEST + random.nextLong(6 * LAYER);
            Path place = folder.resolve("run" + run);
            assertThat(place.toFile().mkdir()).isTrue();
            try (FeedRig rig = new FeedRig(place)) {
                rig.pauseEverything(seed + run);
                Placement placement = rig.place(visits, host, device, random.nextInt(4));
                settleAndCheck(rig, placement, visits, foldEvery, random);
            }
        }
    }

    private static void settleAndCheck(
            FeedRig rig,
            Placement placement,
            List<Integer> visits,
            int foldEvery,
            SplittableRandom random) {
        rig.spoilsDownloads = !placement.homes().contains(Tier.DEVICE);
        PipelinedFeed feed =
                rig.start(placement, FeedOptions.defaults().withOverlap(random.nextInt(4) > 0));
        long seen = 17;
        long settledThrough = 0;
        for (long step = 1; step <= STEPS; step++) {
            // A block that shares its slot with the next pass is written in that one.
            if (step < STEPS - 1 && random.nextBoolean()) {
                feed.settle();
                settledThrough = step;
            }
            seen = FeedRig.tune(feed, visits, step, step, foldEvery, seen);
        }
        String what = placement + ", settled in step " + settledThrough;
        assertThat(seen).as(what).isEqualTo(FeedRig.expected(visits, STEPS, foldEvery));
        feed.drain();
        feed.close();
        Map<Long, Long> digests = digests(visits, foldEvery);
        try (HostSlab slab = rig.host.allocate("a block", LARGEST)) {
            for (int block = 0; block < placement.homes().size(); block++) {
                int index = block;
                long version = rig.store.version(block);
                if (placement.homes().get(block) != Tier.NVME) {
                    assertThat(version)
                            .as("block %d, %s", block, what)
                            .isGreaterThanOrEqualTo(settledThrough - settledThrough % foldEvery);
                }
                if (version > 0) {
                    assertThatCode(() -> rig.store.read(index, slab.segment()))
                            .as("block %d, %s", block, what)
                            .doesNotThrowAnyException();
                    long bytes = FeedRig.SIZES.get(block);
                    assertThat(FeedRig.digest(slab.segment().asSlice(0, bytes)))
                            .as("block %d in version %d, %s", block, version, what)
                            .isEqualTo(digests.get(version * 1000 + block));
                }
            }
        }
    }

    /** What each block's bytes are once a step is folded in. */
    private static Map<Long, Long> digests(List<Integer> visits, int foldEvery) {
        Map<Long, Long> digests = new HashMap<>();
        FeedRig.ArrayFeed plain = new FeedRig.ArrayFeed();
        for (long step = 1; step <= STEPS; step++) {
            FeedRig.tune(plain, visits, step, step, foldEvery, 17);
            for (int block = 0; block < FeedRig.SIZES.size(); block++) {
                try (BlockLease lease = plain.acquire(block)) {
                    digests.put(step * 1000 + block, FeedRig.digest(lease.weights()));
                }
            }
        }
        return digests;
    }

    @Test
    void aBlockThatIsDamagedInTheStoreComesFromBeneathItAndIsFoldedAnew() throws IOException {
        List<Integer> visits = FeedRig.UNTIED;
        try (FeedRig rig = new FeedRig(folder)) {
            Placement placement = rig.place(visits, LARGEST, PlacementRequest.UNIFIED, 1);
            PipelinedFeed feed = rig.start(placement, FeedOptions.defaults());
            FeedRig.tune(feed, visits, 1, 3, 1);
            feed.flush();
        }
        Path data = folder.resolve("blocks.dat");
        byte[] bytes = Files.readAllBytes(data);
        for (int at = 100; at < bytes.length; at += 4096) {
            bytes[at] ^= 0x10;
        }
        Files.write(data, bytes);
        try (FeedRig rig = new FeedRig(folder)) {
            Placement placement = rig.place(visits, LARGEST, PlacementRequest.UNIFIED, 1);
            PipelinedFeed feed = rig.start(placement, FeedOptions.defaults());
            for (int block : visits) {
                try (BlockLease lease = feed.acquire(block)) {
                    assertThat(lease.foldedThrough()).isZero();
                    long intact = FeedRig.digest(new FeedRig.ArrayFeed().acquire(block).weights());
                    assertThat(FeedRig.digest(lease.weights())).isEqualTo(intact);
                    FeedRig.fold(lease.weights(), 4, block);
                    lease.markFolded(4, true);
                }
            }
            feed.flush();
            for (int block : visits) {
                assertThat(rig.store.durableVersion(block)).isEqualTo(4);
            }
        }
    }
}
