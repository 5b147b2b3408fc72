package io.millrace.bench.learning;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.listen.StepProgress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is said of runs of the same seconds, of curves that are made up. */
class TimeReportTest {
    private static final double MEBI = 1 << 20;

    @TempDir Path temp;

    private CurveFile file(Curve... curves) throws IOException {
        CurveFile file = new CurveFile(temp.resolve("curves.jsonl"), Map.of("--seed", "1"));
        for (Curve curve : curves) {
            if (file.rate(curve.method()).isEmpty()) {
                file.add(new Rate(curve.method(), 1e-3, curve.lr(), 1, 2, ""));
            }
            file.add(curve);
        }
        return file;
    }

    private static Curve curve(String method, long seed, boolean diverged, double... losses) {
        List<Curve.Point> points = new ArrayList<>();
        for (int i = 0; i < losses.length; i++) {
            points.add(new Curve.Point(10.0 * i, losses[i], Double.NaN));
        }
        return new Curve(
                method,
                seed,
                1e-3,
                0.0005,
                10.0 * losses.length,
                diverged,
                points,
                Map.of(
                        TimedRun.STEPS,
                        40.0,
                        TimedRun.HOST_BYTES,
                        3 * MEBI,
                        TimedRun.STATE_BYTES,
                        MEBI / 2,
                        TimedRun.RESIDENT_BYTES,
                        100 * MEBI));
    }

    @Test
    void theBestComesFirstAndTimesAreOfTheEvaluationThatSawALoss() throws IOException {
        CurveFile file =
                file(
                        curve("mezo", 0, false, 8, 7, 6, 5.5),
                        curve("adamw", 0, false, 8, 4, 1, 2),
                        curve("lomo", 0, true, 8, 6));
        assertThat(new TimeReport(file, List.of(6.0, 1.0)).table())
                .isEqualTo(
                        """
                        | method | step | lr | steps | s to 6 | s to 1 | least held-out loss | of seeds \
                        | host MiB of the run | states of these | resident MiB of the process |
                        |---|---|---|---|---|---|---|---|---|---|---|
                        | adamw | gradient | 0.0005 | 40 | 10.0 | 20.0 | 1.0000 | 1 | 3.0 | 0.5 | 100.0 |
                        | mezo | forwards | 0.0005 | 40 | 20.0 | - | 5.5000 | 1 | 3.0 | 0.5 | 100.0 |
                        | lomo (diverged) | gradient | 0.0005 | 40 | 10.0 | - | 6.0000 | 1 | 3.0 | 0.5 | 100.0 |

                        """);
    }

    /** One of three seeds is shown, and it is the same one in each column. */
    @Test
    void ofSeveralSeedsTheOneInTheMiddleIsShown() throws IOException {
        CurveFile file =
                file(
                        curve("mezo", 0, false, 8, 7, 3),
                        curve("mezo", 1, false, 8, 5, 5),
                        curve("mezo", 2, false, 8, 2, 4));
        assertThat(new TimeReport(file, List.of(4.5)).table())
                .contains(
                        "| mezo | forwards | 0.0005 | 40 | 20.0 | 3.0000 | 3, 2.0000 to 5.0000 |");
    }

    /** A file that is read again says the same. */
    @Test
    void figuresAndSecondsSurviveTheFile() throws IOException {
        Curve curve = curve("lora adamw", 3, false, 8, 2);
        file(curve);
        CurveFile again = new CurveFile(temp.resolve("curves.jsonl"), Map.of("--seed", "1"));
        assertThat(again.curves("lora adamw")).containsExactly(curve);
    }

    @Test
    void lossesToTellTheTimesToFallInEqualFactorsAndAreRoundedUp() {
        assertThat(Thresholds.between(16, 1).losses()).containsExactly(8.0, 4.0, 2.0, 1.2);
        assertThat(Thresholds.between(5.145, 2.9).losses()).containsExactly(4.5, 3.9, 3.4, 3.0);
        assertThat(Thresholds.between(2, 2).losses()).isEmpty();
    }

    @Test
    void evaluationsAreSpacedByFactorsAndTheLastIsTheEnd() {
        List<Double> times = StopWatch.times(100, 3);
        assertThat(times).hasSize(3);
        assertThat(times.get(0)).isCloseTo(1, within(1e-9));
        assertThat(times.get(1)).isCloseTo(10, within(1e-9));
        assertThat(times.get(2)).isEqualTo(100.0);
        assertThat(StopWatch.times(7, 1)).containsExactly(7.0);
    }

    /** Several times may pass in a step: one evaluation is enough, and the run ends at the last. */
    @Test
    void aLongStepIsLookedAtOnceAndTheLastTimeEndsTheRun() {
        StopWatch watch = new StopWatch(List.of(1.0, 2.0, 5.0));
        watch.onStep(step(1, 0.5));
        assertThat(watch.evaluationRequested()).isFalse();
        watch.onStep(step(2, 2.0));
        assertThat(watch.evaluationRequested()).isTrue();
        watch.onEval(2, 3.5, Double.NaN);
        assertThat(watch.stopRequested()).isFalse();
        watch.onStep(step(3, 1.0));
        assertThat(watch.evaluationRequested()).isFalse();
        watch.onStep(step(4, 2.0));
        assertThat(watch.evaluationRequested()).isTrue();
        assertThat(watch.stopRequested()).isTrue();
        assertThat(watch.points()).containsExactly(new Curve.Point(2.5, 3.5, Double.NaN));
        assertThat(watch.steps()).isEqualTo(4);
    }

    @Test
    void aLossThatIsNoNumberEndsTheRunAndIsNoPoint() {
        StopWatch watch = new StopWatch(List.of(9.0));
        watch.onEval(0, Double.NaN, Double.NaN);
        assertThat(watch.stopRequested()).isTrue();
        assertThat(watch.isFinite()).isFalse();
        assertThat(watch.points()).isEmpty();
    }

    @Test
    void everyContenderIsAMethodAndALoraHasItsOwnName() {
        for (String name : Contenders.usual()) {
            assertThat(Contenders.named(name).name()).isEqualTo(name);
        }
        assertThat(Contenders.named("lora mezo-adam").isFirstOrder()).isFalse();
        assertThat(Contenders.named("lora adamw").isFirstOrder()).isTrue();
    }

    private static StepProgress step(long step, double seconds) {
        return new StepProgress(step, 100, 1, 0, 1, seconds, 1);
    }
}
