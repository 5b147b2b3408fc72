package io.millrace.executor.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.millrace.memory.file.Disk;
import io.millrace.memory.file.FaultyDisk;
import io.millrace.telemetry.DurableMetrics;
import io.millrace.telemetry.EvalMetrics;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.OperatorUse;
import io.millrace.telemetry.SpanLog;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.StepOverlap;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsWriterTest {
    @TempDir Path folder;

    private static StepMetrics step(long step) {
        SpanLog spans = new SpanLog(4);
        spans.add(Lane.NVME_READ, 0, step, 0, 250_000_000, 1 << 20);
        spans.add(Lane.COMPUTE, 0, step, 125_000_000, 500_000_000, 0);
        StepOverlap overlap = StepOverlap.of(spans, 0, 500_000_000);
        return new StepMetrics(step, 2.5, -0.125, 1e-6, 1024, overlap, OperatorUse.NONE, 0);
    }

    @Test
    void writesAStepsLineAsTheFormatSays() throws IOException {
        Path file = folder.resolve("metrics.jsonl");
        try (MetricsWriter writer = new MetricsWriter(file)) {
            writer.write(step(1));
        }

        assertThat(file)
                .hasContent(
                        """
                        {"step":1,"loss":2.5,"projected_grad":-0.125,"lr":1.0E-6,\
                        "step_seconds":0.5,"tokens":1024,"tokens_per_second":2048.0,\
                        "lanes":{"nvme-read":{"busy_seconds":0.25,"bytes":1048576},\
                        "h2d":{"busy_seconds":0.0,"bytes":0},\
                        "compute":{"busy_seconds":0.375,"bytes":0},\
                        "d2h":{"busy_seconds":0.0,"bytes":0},\
                        "nvme-write":{"busy_seconds":0.0,"bytes":0}},\
                        "hidden_transfer":0.5,"exposed_transfer_seconds":0.125,\
                        "compute_utilisation":0.75,"pipeline_efficiency":0.75,\
                        "bound_lane":"compute"}
                        """);
    }

    @Test
    void writesAnEvaluationWithAndWithoutAccuracy() {
        Path file = folder.resolve("metrics.jsonl");
        try (MetricsWriter writer = new MetricsWriter(file)) {
            writer.write(new EvalMetrics(10, 1.5, OptionalDouble.of(0.75), "d"));
            writer.write(new EvalMetrics(20, 1.25, OptionalDouble.empty(), "d"));
            writer.write(new DurableMetrics(21, "sync", 0.25));
        }

        assertThat(file)
                .hasContent(
                        """
                        {"step":10,"eval_loss":1.5,"eval_accuracy":0.75,"eval_data":"d"}
                        {"step":20,"eval_loss":1.25,"eval_data":"d"}
                        {"step":21,"durable_by":"sync","durable_seconds":0.25}
                        """);
    }

    @Test
    void saysHowManySpansWereDropped() {
        StepMetrics clean = step(4);
        StepMetrics dropped =
                new StepMetrics(
                        4,
                        clean.loss(),
                        clean.projectedGrad(),
                        0,
                        1,
                        clean.overlap(),
                        OperatorUse.NONE,
                        3);

        assertThat(clean.fields()).doesNotContainKey("dropped_spans");
        assertThat(dropped.fields()).containsEntry("dropped_spans", 3L);
    }

    @Test
    void keepsALossThatIsNotANumber() {
        StepMetrics clean = step(1);
        String line =
                Json.write(
                        new StepMetrics(
                                        1,
                                        Double.NaN,
                                        0,
                                        0,
                                        1,
                                        clean.overlap(),
                                        OperatorUse.NONE,
                                        0)
                                .fields());

        JsonObject read = Json.parseObject(line);

        assertThat(read.number("loss")).isNaN();
    }

    @Test
    void hasEachLineInTheFileAtOnce() throws IOException {
        Path file = folder.resolve("metrics.jsonl");
        try (MetricsWriter writer = new MetricsWriter(file)) {
            writer.write(step(1));
            assertThat(Files.readAllLines(file)).hasSize(1);
            writer.write(step(2));
            assertThat(Files.readAllLines(file)).hasSize(2);
        }
    }

    @Test
    void appendsToWhatIsThere() throws IOException {
        Path file = written(3);
        try (MetricsWriter writer = new MetricsWriter(file)) {
            writer.write(step(4));
        }

        assertThat(Files.readAllLines(file)).hasSize(4);
    }

    @Test
    void cutsLinesBeyondTheStepAndAppendsThere() throws IOException {
        Path file = written(5);
        String whole = Files.readString(file);
        try (MetricsWriter writer = new MetricsWriter(file)) {
            writer.truncateAfter(2);
            assertThat(Files.readAllLines(file)).hasSize(2);
            for (int step = 3; step <= 5; step++) {
                writer.write(step(step));
            }
        }

        assertThat(file).hasContent(whole);
    }

    @Test
    void cutsALastLineThatWasNotWrittenWhole() throws IOException {
        Path file = written(2);
        String whole = Files.readString(file);
        Files.writeString(file, "{\"step\":3,\"lo", StandardOpenOption.APPEND);
        try (MetricsWriter writer = new MetricsWriter(file)) {
            writer.truncateAfter(9);
        }

        assertThat(file).hasContent(whole);
    }

    @Test
    void cutsFromAHoleOnThatALossOfPowerLeft() throws IOException {
        Path file = written(2);
        String whole = Files.readString(file);
        Files.writeString(file, "\0".repeat(4096) + "\n{\"step\":3}\n", StandardOpenOption.APPEND);

        try (MetricsWriter writer = new MetricsWriter(file)) {
            writer.truncateAfter(3);
            writer.write(step(4));
        }

        assertThat(Files.readString(file)).startsWith(whole);
        assertThat(Files.readAllLines(file)).hasSize(3);
    }

    @Test
    void failsOnAFullDisk() {
        MetricsWriter writer = new MetricsWriter(Path.of("/dev/full"));

        assertThatExceptionOfType(UncheckedIOException.class)
                .isThrownBy(() -> writer.write(step(1)))
                .withMessageContaining("/dev/full")
                .withMessageContaining("No space left");
    }

    @Test
    void afterAFaultAnywhereTheFileHasWholeLinesAndGoesOn() throws IOException {
        for (FaultyDisk.Fault fault : FaultyDisk.Fault.values()) {
            int faults = 0;
            while (true) {
                Path file = folder.resolve(fault + "-" + faults + ".jsonl");
                FaultyDisk disk = new FaultyDisk(fault, faults);
                Throwable failure = catchThrowable(() -> writeThree(disk, file));
                goOn(file);
                if (failure == null) {
                    break;
                }
                assertThat(failure)
                        .isInstanceOf(UncheckedIOException.class)
                        .hasMessageContaining(file + ": metrics cannot be ")
                        .hasMessageContaining(fault.message());
                faults++;
            }
            assertThat(faults).as(fault.toString()).isPositive();
        }
    }

    private static void writeThree(Disk disk, Path file) {
        try (MetricsWriter writer = new MetricsWriter(disk, file)) {
            for (int step = 1; step <= 3; step++) {
                writer.write(step(step));
            }
        }
    }

    /** What a run does that goes on after step 1. */
    private static void goOn(Path file) throws IOException {
        try (MetricsWriter writer = new MetricsWriter(file)) {
            writer.truncateAfter(1);
            long begun = Files.readAllLines(file).size();
            for (long step = begun + 1; step <= 3; step++) {
                writer.write(step(step));
            }
        }
        List<String> lines = Files.readAllLines(file);
        for (int step = 1; step <= 3; step++) {
            assertThat(Json.parseObject(lines.get(step - 1)).integer("step")).isEqualTo(step);
        }
        assertThat(lines).hasSize(3);
    }

    @Test
    void aLineThatFailsIsTakenBackAndTheNextMayCome() throws IOException {
        Path file = folder.resolve("metrics.jsonl");
        try (MetricsWriter writer =
                new MetricsWriter(new FaultyDisk(FaultyDisk.Fault.SHORT, 1), file)) {
            writer.write(step(1));
            assertThatExceptionOfType(UncheckedIOException.class)
                    .isThrownBy(() -> writer.write(step(2)));
            assertThat(Files.readAllLines(file)).hasSize(1);
            writer.write(step(3));
        }
        assertThat(Files.readAllLines(file)).hasSize(2);
    }

    @Test
    void whereAPieceOfALineStaysNoLineFollowsIt() throws IOException {
        Path file = folder.resolve("metrics.jsonl");
        FaultyDisk disk = new FaultyDisk(FaultyDisk.Fault.GONE, 2);
        MetricsWriter writer = new MetricsWriter(disk, file);
        writer.write(step(1));
        assertThatExceptionOfType(UncheckedIOException.class)
                .isThrownBy(() -> writer.write(step(2)))
                .satisfies(e -> assertThat(e.getCause().getCause().getSuppressed()).hasSize(1));
        assertThatIllegalStateException().isThrownBy(() -> writer.write(step(3)));
        assertThatExceptionOfType(UncheckedIOException.class).isThrownBy(writer::close);
    }

    @Test
    void failsToOpenWhereTheFolderIsMissing() {
        assertThatExceptionOfType(UncheckedIOException.class)
                .isThrownBy(() -> new MetricsWriter(folder.resolve("none/metrics.jsonl")))
                .withMessageContaining("metrics.jsonl");
    }

    @Test
    void failsToWriteAfterClose() {
        MetricsWriter writer = new MetricsWriter(folder.resolve("metrics.jsonl"));
        writer.close();
        writer.close();

        assertThatExceptionOfType(UncheckedIOException.class)
                .isThrownBy(() -> writer.write(step(1)));
    }

    private Path written(int steps) {
        Path file = folder.resolve("metrics.jsonl");
        try (MetricsWriter writer = new MetricsWriter(file)) {
            for (int step = 1; step <= steps; step++) {
                writer.write(step(step));
            }
        }
        return file;
    }
}
