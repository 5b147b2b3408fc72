package io.millrace.telemetry.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.telemetry.Lane;
import io.millrace.telemetry.Seeds;
import io.millrace.telemetry.SpanLog;
import io.millrace.telemetry.StepOverlap;
import java.util.SplittableRandom;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Seeds.class)
class WaitMeterTest {
    private static final Lane[] LANES = Lane.values();

    private final SpanLog spans = new SpanLog(0);

    @Test
    void waitsForTheLaneThatMovesTheNextBlock() {
        spans.add(Lane.NVME_READ, 1, 1, 0, 30, 1);
        spans.add(Lane.H2D, 1, 1, 20, 40, 1);
        spans.add(Lane.COMPUTE, 1, 1, 45, 60, 0);

        WaitMeter waits = WaitMeter.of(spans, 0, 60, 2);

        assertThat(waits.waits().lanes().get(Lane.NVME_READ)).isEqualTo(20e-9);
        assertThat(waits.waits().lanes().get(Lane.H2D)).isEqualTo(20e-9); // the later of the two
        assertThat(waits.waits().otherSeconds()).isEqualTo(5e-9);
        assertThat(waits.ofBlocks()).containsExactly(0, 45e-9);
    }

    @Test
    void waitsForTheWriteThatHoldsTheSlot() {
        spans.add(Lane.COMPUTE, 0, 1, 0, 10, 0);
        spans.add(Lane.NVME_WRITE, 0, 1, 10, 30, 1);
        spans.add(Lane.NVME_READ, 1, 1, 30, 45, 1);
        spans.add(Lane.COMPUTE, 1, 1, 45, 50, 0);

        Waits waits = WaitMeter.of(spans, 0, 50, 2).waits();

        assertThat(waits.lanes().get(Lane.NVME_WRITE)).isEqualTo(20e-9);
        assertThat(waits.lanes().get(Lane.NVME_READ)).isEqualTo(15e-9);
        assertThat(waits.longest()).isEqualTo(Lane.NVME_WRITE);
    }

    @Test
    void doesNotBlameAPrefetchForTheEndOfAStep() {
        spans.add(Lane.COMPUTE, 0, 1, 0, 10, 0);
        spans.add(Lane.NVME_READ, 0, 2, 5, 30, 1);

        Waits waits = WaitMeter.of(spans, 0, 20, 1).waits();

        assertThat(waits.lanes().get(Lane.NVME_READ)).isZero();
        assertThat(waits.otherSeconds()).isEqualTo(10e-9);
    }

    @Test
    void waitsForNothingWhereComputationsOverlap() {
        spans.add(Lane.COMPUTE, 0, 1, 0, 40, 0);
        spans.add(Lane.COMPUTE, 1, 1, 10, 20, 0);
        spans.add(Lane.COMPUTE, 2, 1, 40, 50, 0);

        assertThat(WaitMeter.of(spans, 0, 50, 3).waits().totalSeconds()).isZero();
    }

    @RepeatedTest(20)
    void addsUpToWhatWasNotComputed(SplittableRandom random) {
        for (int round = 0; round < 50; round++) {
            int length = random.nextInt(1, 400);
            spans.clear();
            int count = random.nextInt(40);
            for (int i = 0; i < count; i++) {
                long from = random.nextInt(-50, length + 50);
                Lane lane = LANES[random.nextInt(LANES.length)];
                spans.add(lane, random.nextInt(4), 1, from, from + random.nextInt(60), 1);
            }

            double waited = WaitMeter.of(spans, 0, length, 4).waits().totalSeconds();

            double idle = (1 - StepOverlap.of(spans, 0, length).computeUtilisation()) * length;
            assertThat(waited * 1e9).isCloseTo(idle, within(1e-6));
        }
    }
}
