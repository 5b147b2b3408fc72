package io.millrace.telemetry.track;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MlflowTrackerTest {
    @TempDir Path folder;
    private final List<String> said = new CopyOnWriteArrayList<>();
    private MlflowServer server;

    @BeforeEach
    void startServer() throws IOException {
        server = new MlflowServer();
    }

    @AfterEach
    void stopServer() {
        server.close();
    }

    @Test
    void aRunIsOneOfItsExperiment() {
        run(1, 700, RunEnd.DONE);

        assertThat(said).isEmpty();
        assertThat(server.experiments).containsExactly(Map.entry("what & if", "1"));
        MlflowServer.Run run = server.runs.get("run1");
        assertThat(run.info)
                .containsEntry("experiment_id", "1")
                .containsEntry("run_name", folder.getFileName().toString())
                .containsEntry("status", "FINISHED")
                .containsKeys("start_time", "end_time");
        assertThat(run.params).isEqualTo(Map.of("lr", "1.0E-6", "template", "x".repeat(500)));
        assertThat(run.steps.get("train/loss"))
                .isEqualTo(LongStream.rangeClosed(1, 700).boxed().toList());
        assertThat(run.steps.get("eval/loss")).containsExactly(0L, 700L);
        assertThat(run.values)
                .containsEntry("train/slope", -700.0)
                .containsEntry("eval/loss", 700.5);
    }

    @Test
    void aRunThatGoesOnIsTheSameRunWithoutAStepTwice() {
        run(1, 20, RunEnd.INTERRUPTED);
        assertThat(server.runs.get("run1").info).containsEntry("status", "KILLED");

        run(18, 30, RunEnd.DONE); // the journal had lost some
        assertThat(server.runs).hasSize(1);
        assertThat(server.runs.get("run1").info).containsEntry("status", "FINISHED");
        assertThat(server.runs.get("run1").steps.get("train/loss"))
                .isEqualTo(LongStream.rangeClosed(1, 30).boxed().toList());
        assertThat(said).isEmpty();
    }

    @Test
    void anotherServerGetsARunOfItsOwn() throws IOException {
        run(1, 2, RunEnd.INTERRUPTED);
        try (MlflowServer other = new MlflowServer()) {
            run(other.address(), 3, 4, RunEnd.DONE);
            assertThat(other.runs.get("run1").steps.get("train/loss")).containsExactly(3L, 4L);
        }
        assertThat(Files.readString(folder.resolve("mlflow.json"))).contains("\"run1\"");
    }

    @Test
    void aServerThatIsBusyIsAskedAgain() {
        server.failing = 2;
        run(1, 3, RunEnd.DONE);

        assertThat(said).isEmpty();
        assertThat(server.runs.get("run1").steps.get("train/loss")).containsExactly(1L, 2L, 3L);
    }

    @Test
    void aServerThatFailsIsToldOnce() {
        server.failing = Integer.MAX_VALUE;
        run(1, 50, RunEnd.DONE);

        assertThat(said).hasSize(1);
        assertThat(said.getFirst())
                .startsWith("--track mlflow: http://localhost:")
                .contains(" answered 503: ")
                .endsWith("; the run goes on without it");
    }

    private void run(long first, long last, RunEnd end) {
        run(server.address(), first, last, end);
    }

    private void run(URI address, long first, long last, RunEnd end) {
        TrackRequest request =
                new TrackRequest(
                        folder,
                        first,
                        Map.of("lr", 1e-6, "template", "x".repeat(900)),
                        address,
                        "what & if");
        try (Tracking tracking = Tracking.open(List.of("mlflow"), request, said::add)) {
            if (first == 1) {
                tracking.evaluation(MadeUpSteps.evaluation(0));
            }
            for (long step = first; step <= last; step++) {
                tracking.step(MadeUpSteps.step(step), null, 0, 0);
            }
            tracking.evaluation(MadeUpSteps.evaluation(last));
            tracking.ended(end);
        }
    }
}
