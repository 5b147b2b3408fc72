package io.millrace.spark.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.spark.TestRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Processes on this machine come to what one comes to. */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class LocalWorkersTest {
    @TempDir Path temp;

    @Test
    void twoProcessesComeToTheBytesOfOne() throws Exception {
        TestRun run = new TestRun(temp, 6, "--lr=1e-5");

        assertThat(run.run("two", "--workers=2")).as(run.said()).isZero();

        assertThat(run.answer()).contains("done after step 6").contains(run.out("two").toString());
        run.assertSameAsOne("two", run.said());
    }

    @Tag("long")
    @ParameterizedTest(name = "{0} workers, {1}, {2}")
    @CsvSource({
        "2, pertp, --method=mezo",
        "3, 2d, --method=mezo",
        "4, ddp, --method=lozo",
        "3, pertp, --method=fzoo",
        "2, ddp, --method=helene",
        "4, auto, --tune=lora",
    })
    void soDoMoreOfThem(int workers, String parallel, String more) throws Exception {
        TestRun run = new TestRun(temp, 6, "--lr=1e-5", more);

        assertThat(run.run("several", "--workers=" + workers, "--parallel=" + parallel))
                .as(run.said())
                .isZero();

        run.assertSameAsOne("several", run.said());
    }

    @Test
    void whatIsRefusedIsSaidOnce() throws Exception {
        TestRun run = new TestRun(temp, 6, "--lr=1e-5");
        Files.createDirectories(run.out("two"));
        Files.writeString(run.out("two").resolve("notes.txt"), "mine");

        assertThat(run.run("two", "--workers=2")).isEqualTo(2);

        assertThat(run.said().lines().filter(line -> line.startsWith("millrace: ")))
                .singleElement()
                .asString()
                .matches("millrace: --out: .* is not empty; .*");
        assertThat(run.out("two").resolve("notes.txt")).hasContent("mine");
    }

    @Test
    void adaptersOfOnePassAreNotSpread() throws Exception {
        TestRun run = new TestRun(temp, 6, "--lr=1e-5", "--tune=lora");

        assertThat(run.run("two", "--workers=2", "--adapters=2")).isEqualTo(2);

        assertThat(run.said()).contains("--adapters: adapters that share passes");
    }
}
