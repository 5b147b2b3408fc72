package io.millrace.spark.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.spark.TestRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Processes of this machine that read slices of a model for each other. */
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class SlicedWorkersTest {
    private static final Path MEMORY = Path.of("/dev/shm");
    private static final int STEPS = 8;

    @TempDir Path temp;
    private Path model;

    @BeforeEach
    void write() throws IOException {
        assumeTrue(Files.isDirectory(MEMORY), "no memory that processes share");
        model = TestRun.model(temp.resolve("model"), 10, 384);
    }

    private TestRun run(String tuned) throws IOException {
        return new TestRun(temp, model, STEPS, "--lr=1e-5", "--checkpoint-every=0", tuned);
    }

    /** Of all processes together; one alone has as much to itself. */
    private static String budget(int workers) {
        return "--host-budget=" + workers * 20 + "MiB";
    }

    private static List<Path> left() throws IOException {
        try (Stream<Path> files = Files.list(MEMORY)) {
            return files.filter(file -> file.getFileName().toString().startsWith("millrace-slices"))
                    .toList();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"--tune=lora", "--method=mezo"})
    void comeToTheBytesOfOne(String tuned) throws Exception {
        TestRun run = run(tuned);

        assertThat(run.run("two", "--workers=2", "--slices=on", budget(2))).as(run.said()).isZero();

        assertThat(run.said()).contains("in slices with worker 1");
        assertThat(run.out("two").resolve("metrics.jsonl")).content().contains("\"peer_bytes\":");
        assertThat(left()).isEmpty();
        run.assertSameAsOne("two", run.said());
    }

    @Test
    void whoeverIsKilledTheyGoOnToTheSameBytes() throws Exception {
        Random random = new Random(Long.getLong("test.seed", System.nanoTime()));
        TestRun run = run("--method=mezo");
        run.expected();
        CompletableFuture<Integer> code =
                CompletableFuture.supplyAsync(
                        () -> run.run("killed", "--workers=2", "--slices=on", budget(2)));
        while (run.journalLines("killed") < 3 && !code.isDone()) {
            TimeUnit.MILLISECONDS.sleep(2);
        }
        List<ProcessHandle> workers =
                ProcessHandle.current()
                        .children()
                        .sorted(Comparator.comparingLong(ProcessHandle::pid))
                        .toList();
        TimeUnit.MICROSECONDS.sleep(random.nextInt(300_000));
        int rank = random.nextInt(workers.size());
        workers.get(rank).destroyForcibly();

        assertThat(code.join()).as(run.said()).isZero();
        assertThat(run.said())
                .contains("worker " + rank + " was killed by signal 9")
                .contains("all start again from the journal (1 of 3)");
        assertThat(left()).isEmpty();
        run.assertSameAsOne("killed", "worker " + rank + " killed\n" + run.said());
    }

    @Test
    void whereNothingStreamsSlicesThatWereAskedForAreRefused() throws Exception {
        TestRun run = new TestRun(temp, STEPS, "--lr=1e-5");

        assertThat(run.run("two", "--workers=2", "--slices=on")).isEqualTo(2);

        assertThat(run.said().lines().filter(line -> line.startsWith("millrace: ")))
                .singleElement()
                .asString()
                .startsWith("millrace: --slices: worker 0 has no blocks that stream from a drive");
        assertThat(run.out("two").resolve("journal.jsonl")).doesNotExist();
    }

    @Test
    void oneAloneHasNobodyToPassSlicesOnTo() throws Exception {
        TestRun run = run("--tune=lora");

        assertThat(run.run("alone", "--slices=on", budget(1))).isEqualTo(2);

        assertThat(run.said()).contains("--slices: worker 0");
    }
}
