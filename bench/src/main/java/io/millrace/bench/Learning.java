package io.millrace.bench;

import io.millrace.bench.learning.Curve;
import io.millrace.bench.learning.CurveFile;
import io.millrace.bench.learning.CurveReport;
import io.millrace.bench.learning.LearningTask;
import io.millrace.bench.learning.Rate;
import io.millrace.bench.learning.RateFinder;
import io.millrace.bench.program.Folders;
import io.millrace.bench.program.Options;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.Method;
import io.millrace.executor.config.Methods;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.StepProgress;
import io.millrace.executor.step.DivergedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * How far each published method brings a model with the same number of forwards: ε and the learning
 * rate are what the finder proposes, then a run for each of some seeds is evaluated on held-out
 * data on its way. Every method of the registry is there by itself.
 *
 * <pre>
 *   Learning FOLDER --model DIR --train FILE --title WORDS (--eval FILE | --eval-split 0.02)
 *       [--template TEXT --label-words A,B] [--seq-len 64] [--batch 16] [--forwards 2000] [--seeds 3]
 *       [--points 20] [--start-lr 1e-4] [--probe-steps 20] [--rate-runs 0] [--only mezo,fzoo]
 * </pre>
 *
 * A rate that was found in twenty steps may be too high for many. With {@code --rate-runs N} it is
 * moved by factors of three as long as the held-out loss at the end of a whole run falls, by at
 * most N such runs, of a seed that is not among those reported.
 *
 * <p>Rates and curves go to {@code curves.jsonl} as they come, and the same command goes on where
 * it was stopped; more methods and seeds may be asked for. {@code table.md} and {@code curves.svg}
 * are written anew after each run.
 */
public final class Learning {
    /** What may differ when it goes on. */
    private static final Set<String> OPEN = Set.of("--only", "--seeds", "--title");

    private static final long RATE_SEED = 1000;

    private final Path folder;
    private final Options given;
    private final CurveFile file;
    private final LearningTask task;
    private final RateFinder rates;
    private final double forwards;

    private Learning(Path folder, Options given) throws IOException {
        this.folder = folder;
        this.given = given;
        file = new CurveFile(folder.resolve("curves.jsonl"), given.without(OPEN));
        forwards = given.number("--forwards", 2000);
        task = LearningTask.of(given);
        rates = new RateFinder(task, folder.resolve("find"), given.number("--probe-steps", 20));
    }

    /** Finds, runs and reports, method by method within seed by seed. */
    public static void main(String[] arguments) throws IOException {
        Path folder = Files.createDirectories(Path.of(arguments[0]));
        Options given = new Options(arguments, 1);
        Learning learning = new Learning(folder, given);
        for (long seed = 0; seed < given.number("--seeds", 3); seed++) {
            for (Method method : Methods.all()) {
                boolean complete =
                        !method.arithmetic().mask().lacksFile() && !method.lacksWeights();
                if (complete && given.picks("--only", method.name())) {
                    learning.take(method, seed);
                }
            }
        }
        System.out.print(learning.report());
    }

    private void take(Method method, long seed) throws IOException {
        Rate rate = file.rate(method.name()).orElse(null);
        if (rate == null) {
            say("rate of " + method.name());
            rate =
                    rates.find(
                            method,
                            steps(method),
                            given.fraction("--start-lr", 1e-4),
                            tried -> run(method, tried, RATE_SEED).heldOut(),
                            given.number("--rate-runs", 0));
            file.add(rate);
        }
        if (!rate.isFound() || file.has(method.name(), seed)) {
            return;
        }
        say(method.name() + ", seed " + seed + ", lr " + rate.lr() + ", eps " + rate.eps());
        file.add(run(method, rate, seed));
        report();
    }

    private long steps(Method method) {
        return Math.max(1, Math.round(forwards / method.stepForwards()));
    }

    private Curve run(Method method, Rate rate, long seed) throws IOException {
        Path out = folder.resolve("out");
        Folders.delete(out);
        long steps = steps(method);
        TuneConfig config =
                TuneConfig.builder(
                                method.beneath(task.told().with(OutputConfig.OUT, out))
                                        .with(ArithmeticConfig.STEPS, steps)
                                        .with(ArithmeticConfig.EPS, rate.eps())
                                        .with(ArithmeticConfig.LR, rate.lr())
                                        .with(ArithmeticConfig.SEED, seed))
                        .evalEvery(Math.max(1, steps / given.number("--points", 20)))
                        .build();
        Watch watch = new Watch(method.stepForwards());
        boolean diverged = false;
        try {
            TuningRun.run(config, watch);
        } catch (DivergedException e) {
            diverged = true;
        }
        Folders.delete(out);
        return new Curve(
                method.name(),
                seed,
                rate.eps(),
                rate.lr(),
                watch.seconds,
                diverged,
                watch.points,
                Map.of());
    }

    private String report() throws IOException {
        CurveReport report = new CurveReport(file);
        String table = report.table();
        Files.writeString(folder.resolve("table.md"), table);
        Files.writeString(
                folder.resolve("curves.svg"), report.plot(given.get("--title", "held-out loss")));
        return table;
    }

    private static void say(String what) {
        System.err.println(what);
    }

    /** Keeps what a run says. */
    private static final class Watch implements RunListener {
        private final double forwards;
        private final List<Curve.Point> points = new ArrayList<>();
        private double seconds;

        Watch(double forwards) {
            this.forwards = forwards;
        }

        @Override
        public void onStep(StepProgress step) {
            seconds += step.stepSeconds();
        }

        @Override
        public void onEval(long step, double loss, double accuracy) {
            points.add(new Curve.Point(step * forwards, loss, accuracy));
        }
    }
}
