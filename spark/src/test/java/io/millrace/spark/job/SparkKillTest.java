package io.millrace.spark.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.spark.TestRun;
import io.millrace.spark.keeper.WorkerProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Workers, Spark's executors and its driver are killed: the run ends in the same bytes. */
@Tag("long")
@Timeout(value = 30, unit = TimeUnit.MINUTES)
class SparkKillTest {
    private static final String EXECUTOR = "CoarseGrainedExecutorBackend";
    private static final int STEPS = 120;

    @TempDir Path folder;

    @TempDir Path temp;

    @Test
    void theRunGoesOnToTheSameBytes() throws Exception {
        assumeTrue(TestCluster.jdk().isPresent(), "there is no JDK 17 or 21 for Spark");
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        StringBuilder history = new StringBuilder("-Dtest.seed=" + seed);
        TestRun run = new TestRun(temp, STEPS, "--lr=1e-5", "--checkpoint-every=3");
        run.expected();
        int kills = 0;
        try (TestCluster cluster = new TestCluster(folder, 2)) {
            Process driver = submit(cluster, run);
            for (String victim : List.of(WorkerProcess.PROGRAM, EXECUTOR, "driver")) {
                long lines = run.journalLines("spark") + 2 + random.nextInt(5);
                while (run.journalLines("spark") < lines && driver.isAlive()) {
                    TimeUnit.MILLISECONDS.sleep(5);
                }
                if (!driver.isAlive()) {
                    break;
                }
                history.append(", ").append(victim).append(" at line ");
                history.append(run.journalLines("spark"));
                if (victim.equals("driver")) {
                    driver.destroyForcibly().waitFor();
                } else {
                    List<ProcessHandle> all = cluster.running(victim);
                    ProcessHandle chosen = all.get(random.nextInt(all.size()));
                    chosen.destroyForcibly();
                    chosen.onExit().join();
                }
                kills++;
            }
            if (!driver.isAlive() && run.journalLines("spark") <= STEPS) {
                // Executors without a driver end by themselves, and their workers with them.
                while (!cluster.running(WorkerProcess.PROGRAM).isEmpty()) {
                    TimeUnit.MILLISECONDS.sleep(50);
                }
                driver = submit(cluster, run);
            }
            assertThat(driver.waitFor()).as(history + "\n" + said() + cluster.executors()).isZero();
        }
        assertThat(kills).as(history + "\n" + said()).isEqualTo(3);
        run.assertSameAsOne("spark", history + "\n" + said());
        System.out.println("survived " + kills + " of " + kills + " kills: " + history);
    }

    private Process submit(TestCluster cluster, TestRun run) throws Exception {
        List<String> line = new ArrayList<>(run.line("spark", "--workers=2"));
        if (run.journalLines("spark") > 0) {
            line.add("--resume");
        }
        return cluster.submission(List.of(), line)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(temp.resolve("driver").toFile()))
                .start();
    }

    private String said() throws Exception {
        return Files.readString(temp.resolve("driver"));
    }
}
