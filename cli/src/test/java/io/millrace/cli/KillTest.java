package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A run that is killed again and again, between steps and while it saves, ends in the same bytes.
 */
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class KillTest {
    /** More of them look longer; a build has time for a few. */
    private static final int KILLS = Integer.getInteger("test.kills", 2);

    private static final int STEPS = 12 * (KILLS + 1);

    @TempDir Path temp;

    @ParameterizedTest(name = "streamed {0}, {1}, fold every {2}")
    @CsvSource("true, float32, 3")
    void aKilledRunGoesOnToTheSameBytes(boolean streamed, String dtype, int foldEvery)
            throws Exception {
        kill(LongRun.prepare(temp, dtype, STEPS, foldEvery, streamed));
    }

    /** Of the model nothing is written; the adapter goes on from one saved under way, or anew. */
    @Tag("long")
    @ParameterizedTest(name = "{0}, streamed {1}")
    @CsvSource({
        "lora, false",
        "lora --lora-targets=all-linear --optimizer=zo-adam, true",
        "ia3 --optimizer=zo-momentum, false",
        "ia3, true",
        "prompt --prompt-tokens=3, false",
        "prompt --prompt-tokens=3 --optimizer=helene, true",
        "prefix --prefix-tokens=3 --optimizer=zo-adam, false",
        "prefix --prefix-tokens=3, true",
        "tt --tt-bottleneck=8 --optimizer=zo-momentum, false",
        "tt --tt-bottleneck=8 --queries-growth=0.4 --queries-most=3, true"
    })
    void soDoesAnAdapterOfEveryKind(String tune, boolean streamed) throws Exception {
        List<String> more = List.of(("--tune=" + tune).split(" "));
        kill(LongRun.prepare(temp, "bfloat16", STEPS, 2, streamed, more));
    }

    /** Its steps cannot be made again: it goes on behind the last that it saved with its states. */
    @Tag("long")
    @ParameterizedTest(name = "{0}, streamed {1}")
    @CsvSource({
        "adamw --master-weights, true",
        "badam --badam-every=3 --master-weights, true",
        "lomo --rounding=stochastic, false"
    })
    void soDoesOneAlongTheGradient(String method, boolean streamed) throws Exception {
        List<String> more = List.of(("--method=" + method).split(" ", -1));
        kill(LongRun.prepare(temp, "bfloat16", STEPS, 1, streamed, more));
    }

    private static void kill(LongRun run) throws Exception {
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        StringBuilder history = new StringBuilder("-Dtest.seed=" + seed);
        int kills = 0;
        for (int round = 0; round < KILLS; round++) {
            try (ChildProcess child = run.start()) {
                boolean whileSaving = random.nextInt(3) == 0;
                long lines = run.journalLines() + 1 + random.nextInt(12);
                if (child.await(() -> run.journalLines() >= lines)
                        && (!whileSaving || child.await(run::isSaving))) {
                    TimeUnit.MICROSECONDS.sleep(random.nextInt(whileSaving ? 10_000 : 40_000));
                    child.kill();
                    kills++;
                    history.append(", killed at line ").append(run.journalLines());
                    history.append(run.isSaving() ? " while saving" : "");
                } else {
                    assertThat(child.exitCode()).as(history + "\n" + child.said()).isZero();
                }
            }
        }
        assertThat(kills).as(history.toString()).isPositive();
        try (ChildProcess child = run.start()) {
            assertThat(child.exitCode()).as(history + "\n" + child.said()).isZero();
        }
        run.assertSameEnd(history.toString());
    }

    @Tag("long")
    @ParameterizedTest(name = "streamed {0}, {1}, fold every {2}")
    @CsvSource({"false, bfloat16, 3", "false, float32, 1", "true, bfloat16, 1"})
    void soDoesOneInMemoryOrThatFoldsEveryStep(boolean streamed, String dtype, int foldEvery)
            throws Exception {
        aKilledRunGoesOnToTheSameBytes(streamed, dtype, foldEvery);
    }
}
