package io.millrace.executor.spread;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.telemetry.Lane;
import io.millrace.telemetry.SpanLog;
import io.millrace.telemetry.StepOverlap;
import io.millrace.telemetry.WorkerMetrics;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StepFiguresTest {
    private static StepOverlap overlap(long bytes) {
        SpanLog spans = new SpanLog(2);
        spans.add(Lane.NVME_READ, 0, 1, 0, 40, bytes);
        spans.add(Lane.COMPUTE, 0, 1, 20, 100, 0);
        return StepOverlap.of(spans, 0, 100);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 16, 17, 100})
    void everyWorkerTellsInItsTurnAndFewAtATime(int size) {
        List<StepFigures> all = new ArrayList<>();
        for (int rank = 0; rank < size; rank++) {
            all.add(new StepFigures(rank, size));
        }
        int turns = Math.ceilDiv(size, 16);
        for (long round = 0; round < turns; round++) {
            int telling = 0;
            for (int rank = 0; rank < size; rank++) {
                all.get(rank).add(round + 1, overlap(10 + rank), 0.5, 99);
                double[] found = {rank, Double.NaN, -1};
                double[] said = all.get(rank).behind(round, found);
                telling += said.length > found.length ? 1 : 0;
                assertThat(all.getFirst().hear(round, rank, said)).containsExactly(found);
            }
            assertThat(telling).isLessThanOrEqualTo(16);
        }
        List<WorkerMetrics> told = all.getFirst().told();
        assertThat(told).hasSize(size);
        for (int rank = 0; rank < size; rank++) {
            WorkerMetrics one = told.get(rank);
            assertThat(one.rank()).isEqualTo(rank);
            assertThat(one.step()).isBetween(1L, (long) turns);
            assertThat(one.waitSeconds()).isEqualTo(0.5);
            assertThat(one.residentBytes()).isEqualTo(99);
            assertThat(one.lanes().get(Lane.NVME_READ).bytes())
                    .as("of all steps")
                    .isEqualTo(one.step() * (10 + rank));
        }
    }

    @Test
    void whatIsTooShortIsLeftAsItIs() {
        double[] words = {1, 2};
        StepFigures figures = new StepFigures(0, 2);
        assertThat(figures.hear(0, 1, words)).isSameAs(words);
        assertThat(figures.told()).isEmpty();
    }
}
