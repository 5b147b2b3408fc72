package io.millrace.telemetry.track;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The files of trackers, and that a run that goes on has no step in them twice. */
class TrackingFilesTest {
    @TempDir Path folder;
    private final List<String> said = new ArrayList<>();

    @Test
    void theReadersChecksumIsTheStandardsOwn() {
        byte[] digits = "123456789".getBytes(StandardCharsets.UTF_8);
        assertThat(EventReader.crc(digits)).isEqualTo(0xe3069283);
    }

    @Test
    void anEventFileHoldsEveryFigure() throws IOException {
        run(1, 3);

        List<EventReader.Event> events = EventReader.read(eventFile());
        assertThat(events).hasSize(1 + 1 + 3 + 1);
        assertThat(events.getFirst().version()).isEqualTo("brain.Event:2");
        assertThat(events.get(1).scalars())
                .isEqualTo(Map.of("eval/loss", 0.5f, "eval/accuracy", 0.25f));
        assertThat(events.get(3).step()).isEqualTo(2);
        assertThat(events.get(3).scalars())
                .containsEntry("train/loss", 5f)
                .containsEntry("train/slope", -2f)
                .containsEntry("train/lr", 1e-6f)
                .containsEntry("speed/tokens_per_second", 200f)
                .containsEntry("speed/step_seconds", 2f)
                .containsEntry("overlap/hidden_transfer", 0.75f)
                .containsEntry("overlap/exposed_transfer_seconds", 0.125f)
                .containsEntry("overlap/compute_utilisation", 0.5f)
                .containsEntry("overlap/pipeline_efficiency", 0.25f);
        double now = System.currentTimeMillis() / 1e3;
        assertThat(events.get(3).wallTime()).isBetween(now - 60, now);
        assertThat(said).isEmpty();
    }

    @Test
    void aTableHoldsEveryFigure() throws IOException {
        run(1, 2);

        assertThat(Files.readAllLines(folder.resolve("metrics.csv")))
                .containsExactly(
                        "step,loss,projected_grad,lr,step_seconds,tokens,tokens_per_second,"
                                + "hidden_transfer,exposed_transfer_seconds,compute_utilisation,"
                                + "pipeline_efficiency,bound_lane,eval_loss,eval_accuracy,eval_f1,"
                                + "eval_exact_match",
                        "0,,,,,,,,,,,,0.5,0.25,,",
                        "1,10.0,-1.0,1.0E-6,2.0,400,200.0,0.75,0.125,0.5,0.25,compute,,,,",
                        "2,5.0,-2.0,1.0E-6,2.0,400,200.0,0.75,0.125,0.5,0.25,compute,,,,",
                        "2,,,,,,,,,,,,2.5,0.25,,");
    }

    @Test
    void aRunThatGoesOnHasNoStepTwice() throws IOException {
        run(1, 300);
        run(301, 310);
        // A machine was lost: the journal has fewer steps than these files.
        run(306, 320);

        requireEachStepOnce(320);
    }

    @Test
    void whatACrashCutOffIsLeftOut() throws IOException {
        run(1, 10);
        for (Path file : List.of(eventFile(), folder.resolve("metrics.csv"))) {
            Files.write(file, new byte[] {'9', '9', 3}, StandardOpenOption.APPEND);
        }
        run(11, 12);
        requireEachStepOnce(12);

        byte[] events = Files.readAllBytes(eventFile());
        Files.write(eventFile(), Arrays.copyOf(events, events.length - 5));
        run(13, 14);
        assertThat(steps(EventReader.read(eventFile()))).endsWith(12L, 13L, 14L);
    }

    @Test
    void aTableOfOtherColumnsIsLeftAlone() throws IOException {
        run(1, 3);
        Path table = folder.resolve("metrics.csv");
        String other = Files.readString(table).replace("tokens,", "");
        Files.writeString(table, other);
        run(4, 5);

        assertThat(table).hasContent(other);
        assertThat(said)
                .containsExactly(
                        "--track csv: "
                                + table
                                + " has other columns; move it away; the run goes on without it");
        assertThat(steps(EventReader.read(eventFile()))).containsExactly(1L, 2L, 3L, 4L, 5L);
    }

    @Test
    void aTableOfWhichACrashLeftAPartOfTheHeadIsBegunAnew() throws IOException {
        Path table = folder.resolve("metrics.csv");
        for (String left : List.of("", "step,lo")) {
            Files.writeString(table, left);
            run(1, 3);

            assertThat(Files.readAllLines(table)).hasSize(1 + 1 + 3 + 1);
            assertThat(said).isEmpty();
        }
    }

    @Test
    void aTrackerThatFailsIsToldOnceAndTheOthersGoOn() throws IOException {
        Files.createDirectories(folder.resolve("metrics.csv")); // where a file should be
        run(1, 3);

        assertThat(said).hasSize(1);
        assertThat(said.getFirst())
                .startsWith("--track csv: ")
                .endsWith("; the run goes on without it");
        assertThat(steps(EventReader.read(eventFile()))).containsExactly(1L, 2L, 3L);
    }

    private void requireEachStepOnce(long last) throws IOException {
        List<Long> all = LongStream.rangeClosed(1, last).boxed().toList();
        assertThat(steps(EventReader.read(eventFile()))).isEqualTo(all);
        List<Long> rows =
                Files.readAllLines(folder.resolve("metrics.csv")).stream()
                        .skip(1)
                        .filter(row -> !row.contains(",,,,,,,,,,,"))
                        .map(row -> Long.parseLong(row.substring(0, row.indexOf(','))))
                        .toList();
        assertThat(rows).isEqualTo(all);
        assertThat(said).isEmpty();
    }

    private static List<Long> steps(List<EventReader.Event> events) {
        return events.stream()
                .filter(event -> event.scalars().containsKey("train/loss"))
                .map(EventReader.Event::step)
                .toList();
    }

    private void run(long first, long last) {
        TrackRequest request =
                new TrackRequest(
                        folder, first, Map.of(), URI.create("http://localhost:1"), "millrace");
        try (Tracking tracking = Tracking.open(List.of("csv", "tensorboard"), request, said::add)) {
            if (first == 1) {
                tracking.evaluation(MadeUpSteps.evaluation(0));
            }
            for (long step = first; step <= last; step++) {
                tracking.step(MadeUpSteps.step(step), null, 0, 0);
            }
            tracking.evaluation(MadeUpSteps.evaluation(last));
            tracking.ended(RunEnd.DONE);
        }
    }

    private Path eventFile() throws IOException {
        try (Stream<Path> files = Files.list(folder.resolve("tensorboard"))) {
            List<Path> all = files.toList();
            assertThat(all).hasSize(1);
            assertThat(all.getFirst().getFileName().toString())
                    .matches("events\\.out\\.tfevents\\.[0-9]{10}\\.millrace");
            return all.getFirst();
        }
    }
}
