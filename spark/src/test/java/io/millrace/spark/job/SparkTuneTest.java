package io.millrace.spark.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.spark.TestRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A cluster of Spark comes to what one process comes to. */
@Tag("long")
@Timeout(value = 15, unit = TimeUnit.MINUTES)
class SparkTuneTest {
    @TempDir static Path folder;
    private static TestCluster cluster;

    @TempDir Path temp;

    @BeforeAll
    static void startCluster() throws Exception {
        assumeTrue(TestCluster.jdk().isPresent(), "there is no JDK 17 or 21 for Spark");
        cluster = new TestCluster(folder, 4);
    }

    @AfterAll
    static void stopCluster() {
        if (cluster != null) {
            cluster.close();
        }
    }

    @ParameterizedTest(name = "{0} workers, {1}, {2}")
    @CsvSource({
        "2, pertp, --method=mezo",
        "3, ddp, --method=lozo",
        "4, 2d, --method=fzoo",
        "2, auto, --method=helene",
        "3, auto, --tune=lora",
    })
    void workersOfAClusterComeToTheBytesOfOne(int workers, String parallel, String more)
            throws Exception {
        TestRun run = new TestRun(temp, 6, "--lr=1e-5", more);

        Result result = submit(run.line("spark", "--workers=" + workers, "--parallel=" + parallel));

        assertThat(result.code()).as(result.all()).isZero();
        assertThat(result.out()).as(result.all()).contains("done after step 6");
        assertThat(result.err()).as(result.all()).contains("llama, 1,200,896 parameters");
        run.assertSameAsOne("spark", result.all());
    }

    @Test
    void whatIsRefusedIsOneLineThatNamesTheWorker() throws Exception {
        TestRun run = new TestRun(temp, 6, "--lr=1e-5");
        Files.createDirectories(run.out("spark"));
        Files.writeString(run.out("spark").resolve("notes.txt"), "mine");

        Result result = submit(run.line("spark", "--workers=2"));

        assertThat(result.code()).as(result.all()).isEqualTo(2);
        assertThat(result.err().lines().filter(line -> line.startsWith("millrace: worker ")))
                .as(result.all())
                .singleElement()
                .asString()
                .matches("millrace: worker 0 \\(127.0.0.1\\): --out: .* is not empty; .*");
    }

    private record Result(int code, String out, String err, String executors) {
        String all() {
            return out + "\n" + err + "\n" + executors;
        }
    }

    private Result submit(List<String> line) throws Exception {
        Path out = temp.resolve("driver.out");
        Path err = temp.resolve("driver.err");
        int code =
                cluster.submission(List.of(), line)
                        .redirectOutput(out.toFile())
                        .redirectError(err.toFile())
                        .start()
                        .waitFor();
        return new Result(
                code,
                Files.readString(out),
                Files.readString(err),
                code == 0 ? "" : cluster.executors());
    }
}
