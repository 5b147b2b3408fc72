package io.millrace.prefetch;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.Tier;
import io.millrace.memory.host.HostMemory;
import io.millrace.prefetch.residency.SlotCut;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(SeedExtension.class)
final class PlacementTest {
    private static final long PAGE = HostMemory.PAGE_BYTES;
    private static final long LAYER = 100 * PAGE;
    private static final long EMBEDDING = 210 * PAGE;
    private static final long UNBOUNDED = Long.MAX_VALUE / 4;

    @Test
    void keepsEverythingWhereEverythingFits() {
        Placement placement = placed(tied(24, EMBEDDING, LAYER), EMBEDDING + 24 * LAYER, 2);
        assertThat(placement.homes()).containsOnly(Tier.HOST);
        assertThat(placement.hostSlots()).isEmpty();
        assertThat(placement.nvmeBytesPerStep()).isZero();
        assertThat(placement.prefetch()).isEqualTo(2);
        assertThat(placement.hostBytes()).isEqualTo(EMBEDDING + 24 * LAYER);
    }

    @Test
    void keepsTheTiedBlockAndStreamsLayersThroughSlotsOfTheirSize() {
        long budget = EMBEDDING + 4 * LAYER + PAGE;
        Placement placement = placed(tied(24, EMBEDDING, LAYER), budget, 2);
        assertThat(placement.homes().getFirst()).isEqualTo(Tier.HOST);
        assertThat(placement.homes().subList(1, 25)).containsOnly(Tier.NVME);
        assertThat(sizes(placement)).containsExactly(LAYER, LAYER, LAYER, LAYER);
        assertThat(placement.prefetch()).isEqualTo(2);
    }

    @Test
    void layersThatAreLargerThanTheEmbeddingDoNotQueueForOneSlot() {
        Placement placement = placed(tied(24, LAYER / 3, LAYER), 7 * LAYER, 2);
        assertThat(placement.hostSlots()).hasSizeGreaterThanOrEqualTo(4);
        assertThat(sizes(placement)).contains(LAYER, LAYER, LAYER, LAYER);
        assertThat(placement.prefetch()).isEqualTo(2);
    }

    @Test
    void spreadsTheLayersThatStayEvenlyOverTheVisits() {
        long budget = EMBEDDING + (4 + 8) * LAYER;
        Placement placement = placed(tied(24, EMBEDDING, LAYER), budget, 2);
        int longest = 0;
        int run = 0;
        for (int block : placement.request().visits()) {
            run = placement.homes().get(block) == Tier.NVME ? run + 1 : 0;
            longest = Math.max(longest, run);
        }
        assertThat(placement.homes().stream().filter(Tier.HOST::equals)).hasSizeGreaterThan(8);
        assertThat(longest).isLessThanOrEqualTo(2);
    }

    @Test
    void needsOneSlotWhereStreamedBlocksLieFarApart() {
        Placement placement = placed(untied(40, LAYER, LAYER), 40 * LAYER, 1);
        assertThat(placement.homes().stream().filter(Tier.NVME::equals))
                .hasSizeLessThanOrEqualTo(4);
        assertThat(placement.prefetch()).isEqualTo(1);
    }

    @Test
    void sharesOneLargeSlotBetweenBothEndsWhereOnlyOneFits() {
        long budget = EMBEDDING + 4 * LAYER;
        Placement placement = placed(untied(24, EMBEDDING, LAYER), budget, 2);
        assertThat(placement.homes().getFirst()).isEqualTo(Tier.NVME);
        assertThat(placement.homes().getLast()).isEqualTo(Tier.NVME);
        assertThat(sizes(placement)).containsExactlyInAnyOrder(EMBEDDING, LAYER, LAYER, LAYER);
        assertThat(placement.prefetch()).isEqualTo(2);
    }

    @Test
    void worksInOneSlotOfTheLargestBlockAndSaysThatNothingIsAhead() {
        long embedding = 2 * LAYER - PAGE;
        Placement placement = placed(untied(24, embedding, LAYER), embedding, 2);
        assertThat(sizes(placement)).containsExactly(embedding);
        assertThat(placement.prefetch()).isZero();
    }

    @Test
    void layersShareTheOneSlotOfALargeEmbedding() {
        Placement placement = placed(untied(24, EMBEDDING, LAYER), EMBEDDING + PAGE, 2);
        assertThat(placement.hostSlots()).containsExactly(new SlotCut(EMBEDDING, 2, LAYER));
        assertThat(placement.prefetch()).isOne();

        placement = placed(untied(24, EMBEDDING, LAYER), EMBEDDING + LAYER, 2);
        assertThat(placement.hostSlots())
                .containsExactlyInAnyOrder(
                        new SlotCut(EMBEDDING, 2, LAYER), new SlotCut(LAYER, 0, 0));
        assertThat(placement.prefetch()).isEqualTo(2);

        // Where both find slots of their own, nothing is cut.
        placement = placed(untied(24, EMBEDDING, LAYER), EMBEDDING + 3 * LAYER, 2);
        assertThat(placement.hostSlots()).allMatch(slot -> slot.parts() == 0);
    }

    @Test
    void namesTheSmallestBudgetThatWorks() {
        PlacementRequest request = request(untied(24, EMBEDDING, LAYER), EMBEDDING - 1, -1, 1);
        PlacementRefusal refusal = (PlacementRefusal) Placement.plan(request);
        assertThat(refusal).isEqualTo(new PlacementRefusal(Tier.HOST, EMBEDDING, EMBEDDING - 1, 0));
        assertThat(refusal.toBadInput("--host-budget", 1000))
                .hasMessageContaining("--host-budget")
                .hasMessageContaining(Long.toString(EMBEDDING + 1000));
    }

    @Test
    void keepsBlocksOnTheDeviceAndTheRestOnTheHost() {
        Model model = tied(24, EMBEDDING, LAYER);
        Placement placement =
                (Placement) Placement.plan(request(model, UNBOUNDED, EMBEDDING + 10 * LAYER, 1));
        assertThat(placement.homes()).contains(Tier.DEVICE, Tier.HOST).doesNotContain(Tier.NVME);
        assertThat(placement.homes().getFirst()).isEqualTo(Tier.DEVICE);
        assertThat(placement.deviceSlots()).hasSizeBetween(2, 3).containsOnly(LAYER);
        assertThat(placement.stagingBytes()).isEqualTo(EMBEDDING);
        assertThat(placement.deviceBytes()).isLessThanOrEqualTo(EMBEDDING + 10 * LAYER);
    }

    @Test
    void keepsNothingOnTheDeviceWhereTheHostHasNoRoomForTheWayThere() {
        Model model = tied(4, EMBEDDING, LAYER);
        Placement placement =
                (Placement) Placement.plan(request(model, EMBEDDING, EMBEDDING + 3 * LAYER, 1));
        assertThat(placement.homes()).doesNotContain(Tier.DEVICE);
        assertThat(placement.hostBytes()).isEqualTo(EMBEDDING);
    }

    @Test
    void keepsBudgetsAndGivesEveryBlockAPlace(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 400; round++) {
            Model model = randomModel(random);
            long total = model.sizes.stream().mapToLong(Long::longValue).sum();
            long largest =
                    model.sizes.stream().mapToLong(HostMemory::pageBytes).max().orElseThrow();
            long host = largest + random.nextLong(total + PAGE);
            long device = random.nextBoolean() ? -1 : largest + random.nextLong(total + PAGE);
            PlacementRequest request = request(model, host, device, random.nextInt(5));
            requireSound((Placement) Placement.plan(request));
        }
    }

    @Test
    void worksAtTheMinimumAndRefusesAPageLess(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (int round = 0; round < 200; round++) {
            Model model = randomModel(random);
            PlacementRequest tight = request(model, 0, random.nextBoolean() ? -1 : 0, 2);
            long host = Placement.minimumHostBytes(tight);
            long device = tight.isUnified() ? -1 : Placement.minimumDeviceBytes(tight);
            requireSound((Placement) Placement.plan(tight.withBudgets(host, device)));

            PlacementRefusal refusal =
                    (PlacementRefusal) Placement.plan(tight.withBudgets(host - 1, device));
            assertThat(refusal.neededBytes()).isEqualTo(host);
            assertThat(refusal.tier()).isEqualTo(Tier.HOST);
            if (device > 0) {
                refusal = (PlacementRefusal) Placement.plan(tight.withBudgets(host, device - 1));
                assertThat(refusal.neededBytes()).isEqualTo(device);
                assertThat(refusal.tier()).isEqualTo(Tier.DEVICE);
            }
        }
    }

    @Test
    void readsNoMoreAndLooksNoLessFarAheadWithMoreMemory() {
        Model model = tied(24, EMBEDDING, LAYER);
        int ahead = 0;
        long traffic = Long.MAX_VALUE;
        for (long budget = EMBEDDING; budget <= EMBEDDING + 24 * LAYER; budget += 10 * PAGE) {
            Placement placement = placed(model, budget, 2);
            assertThat(placement.prefetch()).isGreaterThanOrEqualTo(ahead);
            if (placement.prefetch() == ahead && ahead == 2) {
                assertThat(placement.nvmeBytesPerStep()).isLessThanOrEqualTo(traffic);
            }
            ahead = placement.prefetch();
            traffic = placement.nvmeBytesPerStep();
        }
        assertThat(ahead).isEqualTo(2);
        assertThat(traffic).isZero();
    }

    @Test
    void pinsNoMoreThanTheBlocksThatUseIt() {
        for (long budget = EMBEDDING; budget <= EMBEDDING + 24 * LAYER; budget += 37 * PAGE) {
            Placement placement = placed(tied(24, EMBEDDING, LAYER), budget, 2);
            long slots = sizes(placement).stream().mapToLong(Long::longValue).sum();
            long kept =
                    IntStream.range(0, 25)
                            .filter(block -> placement.homes().get(block) == Tier.HOST)
                            .mapToLong(block -> placement.request().blockBytes().get(block))
                            .sum();
            assertThat(placement.hostBytes()).isEqualTo(slots + kept);
            for (long slot : sizes(placement)) {
                assertThat(streamed(placement)).contains(slot);
            }
        }
    }

    private static List<Long> sizes(Placement placement) {
        return placement.hostSlots().stream().map(SlotCut::bytes).toList();
    }

    private static List<Long> streamed(Placement placement) {
        return IntStream.range(0, placement.homes().size())
                .filter(block -> placement.homes().get(block) == Tier.NVME)
                .mapToObj(block -> placement.request().blockBytes().get(block))
                .toList();
    }

    private static void requireSound(Placement placement) {
        PlacementRequest request = placement.request();
        String what = placement.toString();
        assertThat(placement.hostBytes()).as(what).isLessThanOrEqualTo(request.hostBudget());
        assertThat(placement.prefetch()).as(what).isBetween(0, request.prefetch());
        if (request.isUnified()) {
            assertThat(placement.homes()).as(what).doesNotContain(Tier.DEVICE);
            assertThat(placement.deviceBytes()).as(what).isZero();
        } else {
            assertThat(placement.deviceBytes())
                    .as(what)
                    .isLessThanOrEqualTo(request.deviceBudget());
        }
        for (int block = 0; block < placement.homes().size(); block++) {
            long bytes = request.blockBytes().get(block);
            Tier home = placement.homes().get(block);
            if (home == Tier.NVME) {
                assertThat(sizes(placement)).as(what).anyMatch(slot -> slot >= bytes);
            }
            if (home != Tier.DEVICE && !request.isUnified()) {
                assertThat(placement.deviceSlots()).as(what).anyMatch(slot -> slot >= bytes);
            }
            if (home == Tier.DEVICE) {
                assertThat(placement.stagingBytes()).as(what).isGreaterThanOrEqualTo(bytes);
            }
        }
    }

    private static Model randomModel(SplittableRandom random) {
        int layers = 1 + random.nextInt(20);
        long layer = 1 + random.nextLong(40 * PAGE);
        long embedding = 1 + random.nextLong(80 * PAGE);
        if (random.nextInt(4) == 0) {
            List<Long> sizes = random.longs(layers + 2, 1, 60 * PAGE).boxed().toList();
            return new Model(sizes, IntStream.range(0, layers + 2).boxed().toList());
        }
        return random.nextBoolean()
                ? tied(layers, embedding, layer)
                : untied(layers, embedding, layer);
    }

    private record Model(List<Long> sizes, List<Integer> visits) {}

    private static Model tied(int layers, long embedding, long layer) {
        List<Integer> visits = new ArrayList<>(IntStream.rangeClosed(0, layers).boxed().toList());
        visits.add(0);
        List<Long> sizes =
                new ArrayList<>(LongStream.generate(() -> layer).limit(layers).boxed().toList());
        sizes.addFirst(embedding);
        return new Model(sizes, visits);
    }

    private static Model untied(int layers, long embedding, long layer) {
        List<Long> sizes = new ArrayList<>(tied(layers, embedding, layer).sizes());
        sizes.add(embedding);
        return new Model(sizes, IntStream.range(0, layers + 2).boxed().toList());
    }

    private static Placement placed(Model model, long hostBudget, int prefetch) {
        return (Placement) Placement.plan(request(model, hostBudget, -1, prefetch));
    }

    private static PlacementRequest request(Model model, long host, long device, int prefetch) {
        return new PlacementRequest(model.sizes, model.visits, host, device, prefetch, true);
    }
}
