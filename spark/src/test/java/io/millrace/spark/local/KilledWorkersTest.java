package io.millrace.spark.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.spark.TestRun;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whichever worker is killed, and whenever: the run ends in the same bytes. */
@Tag("long")
@Timeout(value = 20, unit = TimeUnit.MINUTES)
class KilledWorkersTest {
    private static final int KILLS = Integer.getInteger("test.kills", 2);
    private static final int STEPS = 12 * (KILLS + 1);

    @TempDir Path temp;

    @ParameterizedTest(name = "{0}")
    @ValueSource(strings = {"--method=mezo", "--method=fzoo"})
    void theRunGoesOnToTheSameBytes(String method) throws Exception {
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        StringBuilder history = new StringBuilder("-Dtest.seed=" + seed);
        TestRun run = new TestRun(temp, STEPS, "--lr=1e-5", "--checkpoint-every=3", method);
        run.expected();
        CompletableFuture<Integer> code =
                CompletableFuture.supplyAsync(
                        () -> run.run("killed", "--workers=3", "--worker-retries=" + KILLS));
        int kills = 0;
        while (kills < KILLS) {
            long lines = 1 + kills * 12L + random.nextInt(10);
            while (run.journalLines("killed") < lines && !code.isDone()) {
                TimeUnit.MILLISECONDS.sleep(2);
            }
            List<ProcessHandle> workers =
                    ProcessHandle.current()
                            .children()
                            .sorted(Comparator.comparingLong(ProcessHandle::pid))
                            .toList();
            if (code.isDone()) {
                break;
            }
            int rank = random.nextInt(workers.size());
            TimeUnit.MICROSECONDS.sleep(random.nextInt(40_000));
            workers.get(rank).destroyForcibly();
            workers.get(rank).onExit().join();
            kills++;
            history.append(", worker ").append(rank);
            history.append(" at line ").append(run.journalLines("killed"));
            // Its successors are other processes.
            while (!code.isDone()
                    && ProcessHandle.current().children().anyMatch(workers::contains)) {
                TimeUnit.MILLISECONDS.sleep(2);
            }
        }
        assertThat(code.join()).as(history + "\n" + run.said()).isZero();
        assertThat(kills).as(history.toString()).isEqualTo(KILLS);
        run.assertSameAsOne("killed", history + "\n" + run.said());
        System.out.println("survived " + kills + " of " + kills + " kills: " + history);
    }
}
