package io.millrace.bench;

import io.millrace.bench.learning.Contenders;
import io.millrace.bench.learning.Curve;
import io.millrace.bench.learning.CurveFile;
import io.millrace.bench.learning.LearningTask;
import io.millrace.bench.learning.Rate;
import io.millrace.bench.learning.RateFinder;
import io.millrace.bench.learning.TimeReport;
import io.millrace.bench.learning.TimedRun;
import io.millrace.bench.program.Options;
import io.millrace.executor.config.Method;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Forwards alone or gradients: how far methods of either kind bring a model in the same seconds,
 * and with how much memory. Every run tunes for that long, evaluations not counted, in a process of
 * its own.
 *
 * <pre>
 *   ZoOrGradients FOLDER --model DIR --train FILE --title WORDS (--eval FILE | --eval-split 0.02)
 *       [--template TEXT --label-words A,B] [--seq-len 64] [--batch 16] [--dtype float32]
 *       [--seconds 60] [--points 24] [--seeds 1] [--rate-runs 4] [--rate-seconds 15]
 *       [--start-lr 1e-4] [--probe-steps 20] [--steps 1000] [--losses 4,3.5,3]
 *       [--only "mezo,adamw,lora adamw"]
 * </pre>
 *
 * The learning rate (and ε) is what {@code find} proposes, from the method's own on where it takes
 * gradients and from {@code --start-lr} on where it does not; then it is moved by factors of three
 * as long as the held-out loss at the end of a run of {@code --rate-seconds} falls, by at most
 * {@code --rate-runs} of them, of a seed that is not among those reported. What is best for a short
 * run may be high for a long one. {@code --steps} says over how many a rule anneals that does.
 *
 * <p>Rates and curves go to {@code curves.jsonl} as they come, and the same command goes on where
 * it was stopped. {@code table.md} and {@code curves.svg} are written anew after each run.
 */
public final class ZoOrGradients {
    /** What may differ when it goes on. */
    private static final Set<String> OPEN = Set.of("--only", "--seeds", "--title", "--losses");

    private static final long RATE_SEED = 1000;
    private static final long PROBED_STEPS = 1000; // of the runs whose first steps are probed

    private final Path folder;
    private final Options given;
    private final CurveFile file;
    private final RateFinder rates;

    private ZoOrGradients(Path folder, Options given) throws IOException {
        this.folder = folder;
        this.given = given;
        file = new CurveFile(folder.resolve("curves.jsonl"), given.without(OPEN));
        rates =
                new RateFinder(
                        LearningTask.of(given),
                        folder.resolve("find"),
                        given.number("--probe-steps", 20));
    }

    /** Finds rates, runs and reports. */
    public static void main(String[] arguments) throws IOException {
        Path folder = Files.createDirectories(Path.of(arguments[0]));
        Options given = new Options(arguments, 1);
        ZoOrGradients all = new ZoOrGradients(folder, given);
        List<String> names =
                given.find("--only")
                        .map(list -> List.of(list.split(",", -1)))
                        .orElse(Contenders.usual());
        for (long seed = 0; seed < given.number("--seeds", 1); seed++) {
            for (String name : names) {
                all.take(name, seed);
            }
        }
        System.out.print(all.report());
    }

    private void take(String name, long seed) throws IOException {
        Rate rate = file.rate(name).orElse(null);
        if (rate == null) {
            say("rate of " + name);
            rate = find(Contenders.named(name));
            file.add(rate);
        }
        if (!rate.isFound() || file.has(name, seed)) {
            return;
        }
        say(name + ", seed " + seed + ", lr " + rate.lr());
        file.add(run(rate, seed, given.fraction("--seconds", 60), given.number("--points", 24)));
        report();
    }

    private Rate find(Method method) throws IOException {
        double seconds = given.fraction("--rate-seconds", 15);
        return rates.find(
                method,
                PROBED_STEPS,
                method.isFirstOrder()
                        ? method.arithmetic().lr()
                        : given.fraction("--start-lr", 1e-4),
                tried -> {
                    double loss = run(tried, RATE_SEED, seconds, 1).heldOut();
                    say("  lr " + tried.lr() + ": " + loss);
                    return loss;
                },
                given.number("--rate-runs", 4));
    }

    private Curve run(Rate rate, long seed, double seconds, int points) throws IOException {
        Map<String, String> task = given.all();
        TimedRun run =
                new TimedRun(task, rate.method(), rate.eps(), rate.lr(), seed, seconds, points);
        try {
            return run.apart(folder.resolve("run"));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private String report() throws IOException {
        List<Double> losses =
                given.find("--losses").stream()
                        .flatMap(list -> Arrays.stream(list.split(",", -1)))
                        .map(Double::valueOf)
                        .toList();
        TimeReport report = new TimeReport(file, losses);
        String table = report.table();
        Files.writeString(folder.resolve("table.md"), table);
        Files.writeString(
                folder.resolve("curves.svg"), report.plot(given.get("--title", "held-out loss")));
        return table;
    }

    private static void say(String what) {
        System.err.println(what);
    }
}
