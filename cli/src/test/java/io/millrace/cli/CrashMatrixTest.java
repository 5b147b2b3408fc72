package io.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.cli.context.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kills a run with SIGKILL at any moment and lets it go on under another placement, again and
 * again: it ends in the bytes of the run that was never stopped, and leaves nothing behind.
 */
@Timeout(value = 60, unit = TimeUnit.MINUTES)
class CrashMatrixTest {
    /** Kills; a build has time for a few, a longer look for all pairs many times over. */
    private static final int LEGS = Integer.getInteger("test.legs", 6);

    /** Kills in one run. */
    private static final int LEGS_A_RUN = 10;

    @TempDir Path temp;

    @Tag("long")
    @Test
    void aRunSurvivesEveryKillWhereverItGoesOn() throws Exception {
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        Set<String> pairs = new HashSet<>();
        int kills = 0;
        int whileSaving = 0;
        int faulty = 0;
        int surfaced = 0;
        for (int run = 0; kills < LEGS; run++) {
            Path folder = Files.createDirectory(temp.resolve("run" + run));
            String dtype = random.nextBoolean() ? "bfloat16" : "float32";
            int legs = Math.min(LEGS_A_RUN, LEGS - kills);
            LongRun tuning =
                    LongRun.prepare(folder, dtype, 12 * legs + 12, 1 + random.nextInt(3), false);
            List<List<String>> modes = modes(tuning, folder);
            String before = "";
            StringBuilder history = new StringBuilder("-Dtest.seed=" + seed + ", run " + run);
            for (int leg = 0; leg < legs; leg++) {
                int mode = random.nextInt(modes.size());
                boolean streams = modes.get(mode).toString().contains("host-budget");
                // A build is short: drives with faults are for the longer look.
                boolean bad = LEGS > LEGS_A_RUN && streams && random.nextInt(3) == 0;
                String faults = bad ? faults(random) : "";
                faulty += faults.isEmpty() ? 0 : 1;
                try (ChildProcess child = tuning.start(modes.get(mode), faults)) {
                    boolean saving = random.nextInt(4) == 0;
                    long lines = tuning.journalLines() + 1 + random.nextInt(12);
                    history.append("; ").append(modes.get(mode)).append(' ').append(faults);
                    history.append(" to ").append(lines);
                    if (!child.await(() -> tuning.journalLines() >= lines)
                            || (saving && !child.await(tuning::isSaving))) {
                        int exit = child.exitCode();
                        String what = history + "\n" + child.said();
                        if (exit == 0 && child.said().contains("done after")) {
                            break;
                        }
                        // A fault that no retry mends ends the run at once, with its cause.
                        assertThat(faults).as(what).isNotEmpty();
                        assertThat(exit).as(what).isEqualTo(ExitCode.FAILED);
                        assertThat(child.said().lines().toList().getLast())
                                .as(what)
                                .startsWith("millrace: ")
                                .doesNotContain("internal error");
                        surfaced++;
                        continue;
                    }
                    TimeUnit.MICROSECONDS.sleep(random.nextInt(40_000));
                    child.kill();
                }
                kills++;
                whileSaving += tuning.isSaving() ? 1 : 0;
                pairs.add(before + ">" + mode);
                before = Integer.toString(mode);
            }
            List<String> last = modes.get(random.nextInt(modes.size()));
            history.append("; end ").append(last);
            try (ChildProcess child = tuning.start(last)) {
                assertThat(child.exitCode()).as(history + "\n" + child.said()).isZero();
            }
            tuning.assertSameEnd(history.toString());
            assertDriveIsEmpty(folder.resolve("drive"), history.toString());
        }
        System.out.printf(
                "crash matrix: survived %d of %d kills, %d of them while saving, %d kinds of"
                        + " continuation; %d starts on a drive with faults, of which %d ended with"
                        + " the cause and the others went on; seed %d%n",
                kills, kills, whileSaving, pairs.size(), faulty, surfaced, seed);
    }

    private static String faults(Random random) {
        String kind =
                List.of("read-error", "write-error", "sync-error", "full", "bit-flip")
                        .get(random.nextInt(5));
        return "seed=" + random.nextInt(1000) + "," + kind + "=0.02,short=0.1,delay-us=200";
    }

    private static List<List<String>> modes(LongRun run, Path folder) {
        long small = run.smallestHostBudget();
        String host = "--host-budget=" + small;
        String larger = "--host-budget=" + (small + (3L << 20));
        String drive = "--nvme-dir=" + folder.resolve("drive");
        List<List<String>> modes = new ArrayList<>();
        modes.add(List.of());
        modes.add(List.of("--checkpoint-every=3"));
        modes.add(List.of(host));
        modes.add(List.of(larger, "--checkpoint-every=2", "--prefetch=1"));
        modes.add(List.of(host, drive, "--no-overlap", "--checkpoint-every=5"));
        modes.add(List.of("--device=emulated", "--checkpoint-every=4"));
        modes.add(List.of("--device=emulated", larger, drive, "--checkpoint-every=3"));
        return Collections.unmodifiableList(modes);
    }

    private static void assertDriveIsEmpty(Path drive, String what) throws IOException {
        if (Files.exists(drive)) {
            try (Stream<Path> left = Files.list(drive)) {
                assertThat(left.toList()).as(what).isEmpty();
            }
        }
    }
}
