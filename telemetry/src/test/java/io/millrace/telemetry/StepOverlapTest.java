package io.millrace.telemetry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Seeds.class)
class StepOverlapTest {
    private static final Lane[] LANES = Lane.values();

    private final SpanLog spans = new SpanLog(0);

    @Test
    void followsTheDefinitionsOnAHandMadeStep() {
        spans.add(Lane.NVME_READ, 0, 1, 0, 20, 100);
        spans.add(Lane.H2D, 0, 1, 20, 40, 100);
        spans.add(Lane.COMPUTE, 0, 1, 40, 90, 0);
        spans.add(Lane.NVME_READ, 1, 1, 30, 60, 50);
        spans.add(Lane.D2H, 0, 1, 90, 95, 7);

        StepOverlap overlap = StepOverlap.of(spans, 0, 100);

        // T = [0,60] and [90,95], C = [40,90].
        assertThat(overlap.hiddenTransfer()).isEqualTo(20.0 / 65);
        assertThat(overlap.exposedTransferSeconds()).isEqualTo(45e-9);
        assertThat(overlap.computeUtilisation()).isEqualTo(0.5);
        assertThat(overlap.boundLane()).isEqualTo(Lane.COMPUTE); // ties with nvme-read
        assertThat(overlap.pipelineEfficiency()).isEqualTo(0.5);
        assertThat(overlap.lanes().get(Lane.NVME_READ)).isEqualTo(new LaneUse(50e-9, 150));
        assertThat(overlap.lanes().get(Lane.D2H)).isEqualTo(new LaneUse(5e-9, 7));
        assertThat(overlap.lanes().get(Lane.NVME_WRITE)).isEqualTo(new LaneUse(0, 0));
        assertThat(overlap.seconds()).isEqualTo(100e-9);
    }

    @Test
    void hidesAllWhereNothingIsTransferred() {
        spans.add(Lane.COMPUTE, 0, 1, 10, 90, 0);

        StepOverlap overlap = StepOverlap.of(spans, 0, 100);

        assertThat(overlap.hiddenTransfer()).isEqualTo(1);
        assertThat(overlap.exposedTransferSeconds()).isZero();
        assertThat(overlap.pipelineEfficiency()).isEqualTo(0.8);
    }

    @Test
    void clipsSpansToTheWindow() {
        spans.add(Lane.H2D, 0, 1, -50, 20, 9);
        spans.add(Lane.H2D, 1, 1, 90, 300, 9);
        spans.add(Lane.H2D, 2, 1, 100, 110, 9);
        spans.add(Lane.COMPUTE, 0, 1, 10, 1000, 0);

        StepOverlap overlap = StepOverlap.of(spans, 0, 100);

        assertThat(overlap.lanes().get(Lane.H2D).busySeconds()).isEqualTo(30e-9);
        assertThat(overlap.hiddenTransfer()).isEqualTo(20.0 / 30);
        assertThat(overlap.computeUtilisation()).isEqualTo(0.9);
    }

    @Test
    void findsATransferLaneThatBounds() {
        spans.add(Lane.NVME_WRITE, 0, 1, 0, 95, 0);
        spans.add(Lane.COMPUTE, 0, 1, 0, 94, 0);

        StepOverlap overlap = StepOverlap.of(spans, 0, 100);

        assertThat(overlap.boundLane()).isEqualTo(Lane.NVME_WRITE);
        assertThat(overlap.pipelineEfficiency()).isEqualTo(0.95);
    }

    @Test
    void answersForAnEmptyStep() {
        StepOverlap overlap = StepOverlap.of(spans, 5, 5);

        assertThat(overlap.hiddenTransfer()).isEqualTo(1);
        assertThat(overlap.computeUtilisation()).isZero();
        assertThat(overlap.pipelineEfficiency()).isZero();
        assertThat(overlap.boundLane()).isEqualTo(Lane.COMPUTE);
    }

    @Test
    void refusesAWindowThatEndsBeforeItBegins() {
        assertThatIllegalArgumentException().isThrownBy(() -> StepOverlap.of(spans, 5, 4));
    }

    @RepeatedTest(20)
    void agreesWithCountingEveryNanosecond(SplittableRandom random) {
        OverlapMeter meter = new OverlapMeter();
        for (int round = 0; round < 100; round++) {
            // The origin is anywhere, since a nano clock may be negative or cross zero.
            long start = random.nextLong(-500, 1L << 50);
            int length = random.nextInt(1, 400);
            fill(random, start, length);

            StepOverlap overlap = meter.measure(spans, start, start + length);

            assertAgrees(overlap, start, length);
        }
    }

    private void fill(SplittableRandom random, long start, int length) {
        spans.clear();
        int count = random.nextInt(40);
        int longest = random.nextInt(1, 100);
        for (int i = 0; i < count; i++) {
            Lane lane = LANES[random.nextInt(LANES.length)];
            long from = start + random.nextInt(-50, length + 50);
            spans.add(lane, i, 1, from, from + random.nextInt(longest), random.nextInt(1000));
        }
    }

    private void assertAgrees(StepOverlap overlap, long start, int length) {
        boolean[][] busy = new boolean[LANES.length][length];
        long[] bytes = new long[busy.length];
        for (int i = 0; i < spans.size(); i++) {
            bytes[spans.lane(i).index()] += spans.bytes(i);
            for (long t = spans.startNs(i); t < spans.endNs(i); t++) {
                if (t >= start && t < start + length) {
                    busy[spans.lane(i).index()][(int) (t - start)] = true;
                }
            }
        }
        int[] counts = new int[busy.length];
        int transfer = 0;
        int hidden = 0;
        for (int t = 0; t < length; t++) {
            boolean any = false;
            for (Lane lane : LANES) {
                if (busy[lane.index()][t]) {
                    counts[lane.index()]++;
                    any |= lane != Lane.COMPUTE;
                }
            }
            transfer += any ? 1 : 0;
            hidden += any && busy[Lane.COMPUTE.index()][t] ? 1 : 0;
        }
        int most = 0;
        for (Lane lane : LANES) {
            most = Math.max(most, counts[lane.index()]);
            LaneUse use = overlap.lanes().get(lane);
            assertThat(use.bytes()).isEqualTo(bytes[lane.index()]);
            assertThat(use.busySeconds()).isCloseTo(counts[lane.index()] / 1e9, within(1e-18));
        }
        assertThat(counts[overlap.boundLane().index()]).isEqualTo(most);
        assertThat(overlap.pipelineEfficiency()).isEqualTo((double) most / length);
        assertThat(overlap.hiddenTransfer())
                .isEqualTo(transfer == 0 ? 1 : (double) hidden / transfer);
        assertThat(overlap.exposedTransferSeconds())
                .isCloseTo((transfer - hidden) / 1e9, within(1e-18));
        assertThat(overlap.computeUtilisation())
                .isEqualTo((double) counts[Lane.COMPUTE.index()] / length);
    }
}
