package io.millrace.prefetch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.Tier;
import io.millrace.memory.host.HostSlab;
import io.millrace.prefetch.residency.SlotCut;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Passes that leave blocks out, repeat them, go backwards, or break off: every byte is right. */
@ExtendWith(SeedExtension.class)
@Timeout(value = 60, unit = TimeUnit.SECONDS)
final class VisitPlanFeedTest {
    private static final long LARGEST = 20_480;
    private static final long LAYER = 12_288;
    private static final int PASSES = 12;
    private static final int BLOCKS = FeedRig.SIZES.size();

    @TempDir Path folder;

    private static VisitPlan plan(List<Integer> blocks) {
        return new VisitPlan(
                blocks.stream()
                        .map(block -> new VisitPlan.Entry(block, VisitPlan.Part.LAYER, block))
                        .toList());
    }

    private static VisitPlan plan(Integer... blocks) {
        return plan(List.of(blocks));
    }

    /** What a run might ask for. */
    private static VisitPlan random(SplittableRandom random) {
        List<Integer> blocks =
                new ArrayList<>(random.nextBoolean() ? FeedRig.TIED : FeedRig.UNTIED);
        switch (random.nextInt(5)) {
            case 0 -> {
                return VisitPlan.whole(blocks);
            }
            case 1 -> Collections.reverse(blocks);
            case 2 -> blocks.removeIf(block -> random.nextInt(3) > 0);
            case 3 -> blocks.addAll(blocks.subList(random.nextInt(4), 5));
            default -> Collections.shuffle(blocks, new Random(random.nextLong()));
        }
        if (random.nextInt(3) == 0) {
            blocks.addAll(random.ints(random.nextInt(12), 0, BLOCKS).boxed().toList());
        }
        VisitPlan certain = plan(blocks.isEmpty() ? List.of(random.nextInt(BLOCKS)) : blocks);
        return random.nextBoolean() ? certain : optional(certain, random);
    }

    /** The same where it is told late whether some of the visits come; the last one does. */
    private static VisitPlan optional(VisitPlan plan, SplittableRandom random) {
        List<VisitPlan.Entry> entries = new ArrayList<>();
        for (int place = 0; place < plan.size(); place++) {
            VisitPlan.Entry entry = plan.entry(place);
            boolean optional = place + 1 < plan.size() && random.nextInt(3) > 0;
            entries.add(
                    new VisitPlan.Entry(entry.block(), entry.part(), entry.layer(), 0, optional));
        }
        return new VisitPlan(entries);
    }

    /** Some passes, each through a feed and through plain arrays, in step. */
    private static final class Run {
        private final SplittableRandom random;
        private final long salt;
        private final int one;
        private final FeedRig.ArrayFeed plain = new FeedRig.ArrayFeed();
        private int changedVisits;
        private String what = "";

        Run(SplittableRandom random) {
            this.random = random;
            salt = random.nextLong();
            one = 1 + random.nextInt(3);
        }

        boolean changes(long step, int block) {
            return new SplittableRandom(salt + 1009 * step + block).nextInt(one) == 0;
        }

        /** Brings a block up to date; whether that changed it. */
        private boolean update(BlockLease lease, long step, int block) {
            boolean changed = false;
            for (long update = lease.foldedThrough() + 1; update <= step; update++) {
                if (changes(update, block)) {
                    FeedRig.fold(lease.weights(), update, block);
                    changed = true;
                }
            }
            if (lease.foldedThrough() < step) {
                lease.markFolded(step, changed);
            }
            return changed;
        }

        void pass(BlockFeed feed, VisitPlan plan, long step, int visits) {
            Set<Integer> coming = Set.of();
            for (int place = 0; place < visits; place++) {
                int block = plan.block(place);
                boolean optional = plan.entry(place).optional();
                if (optional && (place == 0 || !plan.entry(place - 1).optional())) {
                    coming = place == 0 ? drawn() : coming;
                    feed.decide(coming::contains);
                }
                if (optional && !coming.contains(block)) {
                    continue;
                }
                BlockLease expected = plain.acquire(block);
                update(expected, step, block);
                try (BlockLease lease = feed.acquire(block)) {
                    changedVisits += update(lease, step, block) ? 1 : 0;
                    assertThat(FeedRig.digest(lease.weights()))
                            .as("visit %d of %s in step %d, %s", place, plan, step, what)
                            .isEqualTo(FeedRig.digest(expected.weights()));
                    if (plan.forks(place)) {
                        coming = drawn();
                        foreseeSome(feed, coming);
                    }
                }
            }
        }

        private Set<Integer> drawn() {
            return random.ints(BLOCKS / 2, 0, BLOCKS).boxed().collect(Collectors.toSet());
        }

        /** More and more of those that come, as rows are routed; sometimes none. */
        private void foreseeSome(BlockFeed feed, Set<Integer> coming) {
            Set<Integer> known = new HashSet<>();
            for (int rows = random.nextInt(4); rows > 0; rows--) {
                coming.stream().filter(_ -> random.nextInt(3) == 0).forEach(known::add);
                feed.foresee(known::contains);
            }
        }

        /** Passes of any plan, some of them abandoned, with predictions right and wrong. */
        void passes(BlockFeed feed, Runnable between) {
            List<VisitPlan> plans = new ArrayList<>();
            for (int pass = 0; pass <= PASSES; pass++) {
                plans.add(random(random));
            }
            for (int step = 1; step <= PASSES; step++) {
                VisitPlan plan = plans.get(step - 1);
                switch (random.nextInt(3)) {
                    case 0 -> feed.begin(plan);
                    case 1 -> feed.begin(plan, plans.get(step));
                    default -> feed.begin(plan, random(random));
                }
                boolean abandoned = random.nextInt(4) == 0;
                pass(feed, plan, step, abandoned ? random.nextInt(plan.size()) : plan.size());
                if (!abandoned) {
                    between.run();
                }
            }
            feed.begin(VisitPlan.whole(FeedRig.UNTIED));
            pass(feed, VisitPlan.whole(FeedRig.UNTIED), PASSES + 1, BLOCKS);
        }

        void requireStored(FeedRig rig) {
            try (HostSlab slab = rig.host.allocate("a block", LARGEST)) {
                for (int block = 0; block < BLOCKS; block++) {
                    if (rig.store.has(block)) {
                        rig.store.read(block, slab.segment());
                    } else {
                        FeedRig.fillBase(block, slab.segment());
                    }
                    long bytes = FeedRig.SIZES.get(block);
                    assertThat(FeedRig.digest(slab.segment().asSlice(0, bytes)))
                            .as("block %d on the drive, %s", block, what)
                            .isEqualTo(FeedRig.digest(plain.acquire(block).weights()));
                }
            }
        }
    }

    @Test
    void streamsAnyPlanUnderAnyBudget(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int number = 0; number < 40; number++) {
            Path place = folder.resolve("run" + number);
            assertThat(place.toFile().mkdir()).isTrue();
            Run run = new Run(random.split());
            boolean unified = random.nextBoolean();
            long host = LARGEST + random.nextLong(6 * LAYER);
            long device = unified ? PlacementRequest.UNIFIED : LARGEST + random.nextLong(6 * LAYER);
            boolean overlap = random.nextInt(4) > 0;
            try (FeedRig rig = new FeedRig(place)) {
                if (random.nextBoolean()) {
                    rig.pauseEverything(seed + number);
                }
                Placement placement = rig.place(FeedRig.TIED, host, device, random.nextInt(5));
                rig.spoilsDownloads = !placement.homes().contains(Tier.DEVICE);
                run.what = placement + (overlap ? "" : " without overlap");
                PipelinedFeed feed =
                        rig.start(placement, FeedOptions.defaults().withOverlap(overlap));
                run.passes(feed, () -> between(feed, random));
                feed.flush();
                run.requireStored(rig);
                assertThat(rig.writes.get()).as(run.what).isLessThanOrEqualTo(run.changedVisits);
            }
        }
    }

    private static void between(PipelinedFeed feed, SplittableRandom random) {
        switch (random.nextInt(6)) {
            case 0 -> feed.flush();
            case 1, 2 -> feed.settle();
            default -> {}
        }
    }

    @Test
    void writesABlockBackOnceForEachVisitThatChangedIt(@Seed long seed) {
        try (FeedRig rig = new FeedRig(folder)) {
            Placement placement = rig.place(FeedRig.TIED, LARGEST, LARGEST, 0);
            assertThat(placement.homes()).containsOnly(Tier.NVME);
            PipelinedFeed feed = rig.start(placement, FeedOptions.defaults().withOverlap(false));
            Run run = new Run(new SplittableRandom(seed));
            run.passes(feed, () -> {});
            assertThat(rig.writes).hasValue(run.changedVisits);
            assertThat(rig.downloads).hasValue(run.changedVisits);
            run.requireStored(rig);
        }
    }

    @Test
    void aResidentFeedTakesAnyPlan(@Seed long seed) {
        List<BlockLayout> layouts =
                IntStream.range(0, BLOCKS)
                        .mapToObj(block ->
                                BlockLayout.pack(
                                        block,
                                        List.of(
                                                new TensorSlot(
                                                        "t" + block,
                                                        block,
                                                        DType.F32,
                                                        List.of(FeedRig.SIZES.get(block) / 4),
                                                        0))))
                        .toList();
        try (FeedRig rig = new FeedRig(folder);
                ResidentFeed feed =
                        new ResidentFeed(
                                layouts,
                                rig.host,
                                (block, target) -> {
                                    FeedRig.fillBase(block, target);
                                    return 0;
                                })) {
            new Run(new SplittableRandom(seed)).passes(feed, () -> {});
        }
    }

    @Test
    void readsNothingTwiceForAPassThatWasForetold() {
        try (FeedRig rig = new FeedRig(folder)) {
            Placement placement =
                    rig.place(FeedRig.UNTIED, LARGEST + LAYER, PlacementRequest.UNIFIED, 1);
            assertThat(placement.homes()).containsOnly(Tier.NVME);
            PipelinedFeed feed = rig.start(placement, FeedOptions.defaults());
            List<VisitPlan> plans = List.of(plan(0, 1, 2), plan(5, 4), plan(3, 1, 5));
            for (int pass = 0; pass < 30; pass++) {
                VisitPlan plan = plans.get(pass % 3);
                feed.begin(plan, plans.get((pass + 1) % 3));
                for (int place = 0; place < plan.size(); place++) {
                    feed.acquire(plan.block(place)).close();
                }
            }
            feed.drain();
            assertThat(rig.reads.get()).isBetween(10L * 8, 10L * 8 + 2);
        }
    }

    @Test
    void readsNothingThatMayComeAndDoesNot() {
        try (FeedRig rig = new FeedRig(folder)) {
            Placement placement =
                    rig.place(FeedRig.UNTIED, LARGEST + LAYER, PlacementRequest.UNIFIED, 2);
            assertThat(placement.homes()).containsOnly(Tier.NVME);
            PipelinedFeed feed = rig.start(placement, FeedOptions.defaults());
            VisitPlan plan =
                    new VisitPlan(
                            List.of(
                                    new VisitPlan.Entry(1, VisitPlan.Part.LAYER, 0),
                                    new VisitPlan.Entry(2, VisitPlan.Part.EXPERT, 0, 0, true),
                                    new VisitPlan.Entry(3, VisitPlan.Part.EXPERT, 0, 1, true),
                                    new VisitPlan.Entry(4, VisitPlan.Part.EXPERT, 0, 2, true),
                                    new VisitPlan.Entry(5, VisitPlan.Part.HEAD, 0)));
            assertThat(IntStream.range(0, 5).mapToObj(plan::forks))
                    .containsExactly(true, false, false, false, false);
            for (int pass = 0; pass < 20; pass++) {
                int comes = 2 + pass % 3;
                feed.begin(plan);
                feed.acquire(1).close();
                feed.decide(block -> block == comes);
                feed.acquire(comes).close();
                feed.acquire(5).close();
            }
            feed.drain();
            // The next pass begins with block 1, which may be on its way.
            assertThat(rig.reads.get()).isBetween(20L * 3, 20L * 3 + 1);
            feed.begin(plan);
            feed.acquire(1).close();
            assertThatThrownBy(() -> feed.acquire(2)).hasMessageContaining("is not known");
        }
    }

    /** While the block before it is still lent, and in a slot that its visit then finds. */
    @Test
    void whatIsForeseenComesAheadAndOnlyOnce() throws InterruptedException {
        try (FeedRig rig = new FeedRig(folder)) {
            PipelinedFeed feed = rig.start(withThreeSlots(rig), FeedOptions.defaults());
            VisitPlan plan =
                    new VisitPlan(
                            List.of(
                                    new VisitPlan.Entry(1, VisitPlan.Part.LAYER, 0),
                                    new VisitPlan.Entry(2, VisitPlan.Part.EXPERT, 0, 0, true),
                                    new VisitPlan.Entry(3, VisitPlan.Part.EXPERT, 0, 1, true),
                                    new VisitPlan.Entry(4, VisitPlan.Part.EXPERT, 0, 2, true)));
            for (int pass = 0; pass < 20; pass++) {
                boolean both = pass % 2 == 0;
                feed.begin(plan);
                try (BlockLease lease = feed.acquire(1)) {
                    assertThat(lease.foldedThrough()).isZero();
                    long before = rig.reads.get();
                    feed.foresee(block -> block == 4);
                    feed.foresee(block -> block == 4);
                    for (int wait = 0; rig.reads.get() == before && wait < 10_000; wait++) {
                        Thread.sleep(1);
                    }
                    assertThat(rig.reads.get()).isEqualTo(before + 1);
                }
                feed.decide(block -> block == 4 || (both && block == 2));
                if (both) {
                    feed.acquire(2).close();
                }
                feed.acquire(4).close();
            }
            feed.drain();
            assertThat(rig.reads.get()).isLessThanOrEqualTo(10L * 5 + 2);
        }
    }

    /** All blocks pass, layers through three slots of their size. */
    private static Placement withThreeSlots(FeedRig rig) {
        Placement one = rig.place(FeedRig.UNTIED, LARGEST, PlacementRequest.UNIFIED, 1);
        assertThat(one.homes()).containsOnly(Tier.NVME);
        return new Placement(
                one.request(),
                one.homes(),
                SlotCut.whole(List.of(LARGEST, LAYER, LAYER, LAYER)),
                one.deviceSlots(),
                one.stagingBytes(),
                one.prefetch());
    }

    @Test
    void refusesWhatIsNotInThePlan() {
        assertThatThrownBy(() -> plan(List.of())).hasMessageContaining("without visits");
        try (FeedRig rig = new FeedRig(folder)) {
            Placement placement = rig.place(FeedRig.UNTIED, LARGEST, PlacementRequest.UNIFIED, 1);
            PipelinedFeed feed = rig.start(placement, FeedOptions.defaults());
            assertThatThrownBy(() -> feed.begin(plan(6))).hasMessageContaining("block 6");
            feed.begin(plan(3, 2));
            assertThatThrownBy(() -> feed.acquire(0)).hasMessageContaining("block 3");
            BlockLease lease = feed.acquire(3);
            assertThatThrownBy(() -> feed.begin(plan(1))).hasMessageContaining("still open");
            lease.close();
            feed.begin(plan(1));
            feed.acquire(1).close();
            feed.acquire(1).close();
        }
    }

    @Test
    void aWholePassEmbedsRunsTheLayersAndEndsAtTheHead() {
        VisitPlan whole = VisitPlan.whole(List.of(0, 1, 2, 0));
        assertThat(IntStream.range(0, 4).mapToObj(whole::entry))
                .containsExactly(
                        new VisitPlan.Entry(0, VisitPlan.Part.EMBEDDING, 0),
                        new VisitPlan.Entry(1, VisitPlan.Part.LAYER, 0),
                        new VisitPlan.Entry(2, VisitPlan.Part.LAYER, 1),
                        new VisitPlan.Entry(0, VisitPlan.Part.HEAD, 0));
        assertThat(IntStream.range(0, 4).mapToObj(whole::isLast))
                .containsExactly(false, true, true, true);
    }
}
