package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.config.data.TrackConfig;
import io.millrace.executor.listen.RunListener;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs that somebody follows, and the page that a run leaves. */
class FollowedRunTest {
    @TempDir Path temp;

    @Test
    void aRunThatIsInterruptedAndGoesOnIsFollowedStepByStep() throws IOException {
        Path out = temp.resolve("out");
        TuneConfigBuilder run = run(out).method(TrackConfig.TRACK, List.of("csv", "tensorboard"));

        TuningRun.run(run.build(), Runs.stopAfter(3));
        assertThat(steps(out)).isEqualTo(List.of(1L, 2L, 3L));
        assertThat(Files.readString(out.resolve("run.html")))
                .contains("Interrupted after step 3 of 7", "\"peak\":");

        TuningRun.run(run.resume(true).build(), RunListener.SILENT);
        assertThat(steps(out)).isEqualTo(LongStream.rangeClosed(1, 7).boxed().toList());
        assertThat(Files.readString(out.resolve("run.html")))
                .contains("in 7 steps", "journal.jsonl", "metrics.csv")
                .doesNotContain("Interrupted after");
        assertThat(out.resolve("tensorboard")).isDirectoryContaining("glob:**/events.out.*");

        // Who follows a run changes nothing of it.
        Path alone = temp.resolve("alone");
        TuningRun.run(run(alone).build(), RunListener.SILENT);
        Map<String, byte[]> followed = Runs.result(out);
        assertThat(followed.remove("metrics.csv")).isNotNull();
        Runs.assertSame(alone, followed, "nobody follows");
    }

    @Test
    void aServerThatIsNotThereStopsNothing() throws IOException {
        Path out = temp.resolve("out");
        TuningRun.run(
                run(out).method(TrackConfig.TRACK, List.of("mlflow", "csv"))
                        .method(TrackConfig.SERVER, URI.create("http://localhost:1"))
                        .method(TrackConfig.EXPERIMENT, "inside")
                        .build(),
                RunListener.SILENT);
        // The page goes where people may read it whom neither server nor folders concern.
        assertThat(Files.readString(out.resolve("README.md")))
                .contains("| batch-size | ")
                .doesNotContain("localhost", "inside", "track", temp.toString());
        assertThat(Files.readString(out.resolve("run.html"))).contains("README.md");
        assertThat(steps(out)).hasSize(7);
        assertThat(out.resolve("model.safetensors")).exists();
    }

    private TuneConfigBuilder run(Path out) throws IOException {
        return Runs.config("llama", Runs.data(temp, 5, 9), out);
    }

    private static List<Long> steps(Path out) throws IOException {
        return Files.readAllLines(out.resolve("metrics.csv")).stream()
                .skip(1)
                .map(row -> Long.parseLong(row.substring(0, row.indexOf(','))))
                .toList();
    }
}
