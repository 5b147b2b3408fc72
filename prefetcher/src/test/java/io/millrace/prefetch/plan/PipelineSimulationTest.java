package io.millrace.prefetch.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.Tier;
import io.millrace.memory.device.DeviceName;
import io.millrace.prefetch.Placement;
import io.millrace.prefetch.PlacementRequest;
import io.millrace.prefetch.residency.SlotCut;
import io.millrace.telemetry.Lane;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The simulation against what is reckoned by hand, and against what must always hold. */
@ExtendWith(SeedExtension.class)
class PipelineSimulationTest {
    private static final long PAGE = 4096;
    private static final double RATE = 4096; // bytes a second: a block a second
    private static final int BLOCKS = 5;
    private static final int PASSES = 6;
    private static final int WARM = 3;

    @Test
    void aPassOfBlocksThatStayIsItsComputationAndTheGap() {
        double seconds =
                steady(
                        place(BLOCKS * PAGE, -1, 2),
                        Machines.of(DeviceName.CPU, RATE, RATE),
                        2,
                        true,
                        0.5);
        assertThat(seconds).isCloseTo(BLOCKS * 2 + 0.5, within(1e-9));
    }

    @Test
    void withoutOverlapEveryVisitReadsComputesAndWritesInTurn() {
        Placement placement = place(2 * PAGE, -1, 0);
        double seconds = steadyInTurn(placement, Machines.of(DeviceName.CPU, RATE, RATE), 2);
        assertThat(streamed(placement)).isEqualTo(BLOCKS);
        assertThat(seconds).isCloseTo(BLOCKS * (1 + 2 + 1), within(1e-9));
    }

    @Test
    void transfersThatAreShorterThanComputingVanishBehindIt() {
        Placement placement = place(4 * PAGE, -1, 2);
        assertThat(streamed(placement)).isPositive();
        double seconds = steady(placement, Machines.of(DeviceName.CPU, RATE, RATE), 2, true, 0);
        assertThat(seconds).isCloseTo(BLOCKS * 2, within(1e-9));
    }

    @Test
    void aSlowDriveSetsThePaceOfReading() {
        Placement placement = place(4 * PAGE, -1, 2);
        double seconds =
                steady(placement, Machines.of(DeviceName.CPU, RATE / 3, RATE), 1, false, 0);
        assertThat(seconds).isCloseTo((double) streamed(placement) * 3, within(1e-9));
    }

    @Test
    void aDeviceBehindASlowLinkIsBoundByTheLink() {
        Placement placement = place(BLOCKS * PAGE, 3 * PAGE, 2);
        long moving = placement.homes().stream().filter(home -> home != Tier.DEVICE).count();
        double seconds =
                steady(placement, Machines.of(DeviceName.cuda(0), RATE, RATE / 4), 0.5, true, 0);
        assertThat(seconds).isCloseTo((double) moving * 4, within(1e-9));
    }

    @Test
    void oneSlotLetsNothingRunAhead() {
        Placement placement = place(PAGE, -1, 0);
        assertThat(placement.hostSlots()).hasSize(1);
        double seconds = steady(placement, Machines.of(DeviceName.CPU, RATE, RATE), 2, true, 0);
        assertThat(seconds).isCloseTo(BLOCKS * (1 + 2 + 1), within(1e-9));
    }

    @Test
    void lanesTakeTheirShareOfTheCoresThatCompute() {
        // A byte read or written takes half a core while the lane runs: on two full cores the fair
        // level is (2 - 0.5) / 2 with one lane at work.
        Placement placement = place(4 * PAGE, -1, 2);
        Machine machine = Machines.sharing(RATE, 0.5 / RATE);
        double work = BLOCKS * 4.0;
        double lanes = 2 * streamed(placement) * 0.5; // core seconds
        double seconds = steady(placement, machine, 4, true, 0);
        assertThat(seconds).isCloseTo((2 * work + lanes) / 2, within(1e-6));
    }

    @RepeatedTest(20)
    void slotsAreNeverOversubscribedAndLanesGoInOrder(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        boolean unified = random.nextBoolean();
        List<Long> sizes =
                IntStream.range(0, 8).mapToObj(block -> (1 + random.nextLong(3)) * PAGE).toList();
        Placement placement =
                place(
                        sizes,
                        (3 + random.nextLong(14)) * PAGE,
                        unified ? -1 : (3 + random.nextLong(10)) * PAGE,
                        random.nextInt(4));
        Machine machine =
                Machines.of(
                        unified ? DeviceName.CPU : DeviceName.cuda(0),
                        RATE * (0.2 + random.nextDouble()),
                        RATE * (0.2 + random.nextDouble()));
        double[] compute = random.doubles(sizes.size()).toArray();
        boolean[] changes = new boolean[sizes.size()];
        Arrays.fill(changes, random.nextBoolean());
        PipelineSimulation.Result result =
                PipelineSimulation.simulate(
                        placement,
                        machine,
                        new PipelineSimulation.Run(compute, changes, 0.1, PASSES, true));
        assertThat(result.mostHostSlots())
                .isLessThanOrEqualTo(placement.hostSlots().stream().mapToInt(SlotCut::room).sum());
        assertThat(result.mostDeviceSlots()).isLessThanOrEqualTo(placement.deviceSlots().size());
        Map<Lane, PipelineSimulation.Span> last = new EnumMap<>(Lane.class);
        Map<Lane, Double> busy = new EnumMap<>(Lane.class);
        for (PipelineSimulation.Span span : result.spans()) {
            PipelineSimulation.Span before = last.put(span.lane(), span);
            assertThat(span.end()).isGreaterThanOrEqualTo(span.start());
            if (before != null) {
                assertThat(span.visit()).isGreaterThan(before.visit());
                assertThat(span.start()).isGreaterThanOrEqualTo(before.end() - 1e-9);
            }
            busy.merge(span.lane(), span.end() - span.start(), Double::sum);
        }
        double end = result.passEnds()[PASSES - 1];
        double computing = Arrays.stream(compute).sum() * PASSES;
        assertThat(busy.get(Lane.COMPUTE)).isCloseTo(computing, within(1e-6));
        assertThat(end).isGreaterThanOrEqualTo(computing - 1e-9);
        assertThat(busy.getOrDefault(Lane.NVME_READ, 0.0)).isLessThanOrEqualTo(end + 1e-9);
    }

    @RepeatedTest(20)
    void aFasterDriveIsNeverSlower(@Seed long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<Long> sizes = Collections.nCopies(8, PAGE);
        Placement placement =
                place(sizes, (2 + random.nextLong(5)) * PAGE, -1, 1 + random.nextInt(3));
        double[] compute = random.doubles(sizes.size()).toArray();
        boolean[] changes = new boolean[sizes.size()];
        Arrays.fill(changes, true);
        double before = Double.POSITIVE_INFINITY;
        for (double rate = RATE / 8; rate <= RATE * 16; rate *= 2) {
            double seconds =
                    PipelineSimulation.simulate(
                                    placement,
                                    Machines.of(DeviceName.CPU, rate, rate),
                                    new PipelineSimulation.Run(compute, changes, 0, PASSES, true))
                            .steadySeconds(WARM);
            assertThat(seconds).isLessThanOrEqualTo(before + 1e-9);
            assertThat(seconds)
                    .isGreaterThanOrEqualTo(
                            Math.max(
                                            Arrays.stream(compute).sum(),
                                            streamed(placement) * PAGE / rate)
                                    - 1e-9);
            before = seconds;
        }
    }

    private static Placement place(long host, long device, int prefetch) {
        return place(Collections.nCopies(BLOCKS, PAGE), host, device, prefetch);
    }

    private static Placement place(List<Long> sizes, long host, long device, int prefetch) {
        List<Integer> visits = IntStream.range(0, sizes.size()).boxed().toList();
        return (Placement)
                Placement.plan(new PlacementRequest(sizes, visits, host, device, prefetch, true));
    }

    private static long streamed(Placement placement) {
        return placement.homes().stream().filter(home -> home == Tier.NVME).count();
    }

    private static double steady(
            Placement placement, Machine machine, double each, boolean changing, double gap) {
        return simulate(placement, machine, each, changing, gap, true);
    }

    private static double steadyInTurn(Placement placement, Machine machine, double each) {
        return simulate(placement, machine, each, true, 0, false);
    }

    private static double simulate(
            Placement placement,
            Machine machine,
            double each,
            boolean changing,
            double gap,
            boolean overlap) {
        double[] compute = new double[BLOCKS];
        boolean[] changes = new boolean[BLOCKS];
        Arrays.fill(compute, each);
        Arrays.fill(changes, changing);
        return PipelineSimulation.simulate(
                        placement,
                        machine,
                        new PipelineSimulation.Run(compute, changes, gap, PASSES, overlap))
                .steadySeconds(WARM);
    }
}
