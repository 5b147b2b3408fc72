package io.millrace.bench.learning;

import io.millrace.bench.program.Folders;
import io.millrace.bench.program.MemoryWatch;
import io.millrace.bench.program.Options;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.Method;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.run.RunSetup;
import io.millrace.executor.step.DivergedException;
import io.millrace.memory.Tier;
import io.millrace.optim.option.Settings;
import io.millrace.optim.update.Helene;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A run that tunes for so many seconds, evaluations and saving not counted, in a process of its
 * own: so each pays for its own warming up, and what is resident at the most is its own.
 *
 * @param given the task, as {@link LearningTask} reads it
 * @param method of {@link Contenders}
 * @param eps scale of the perturbation
 * @param lr learning rate
 * @param seed of the run
 * @param seconds of its steps
 * @param points evaluations on its way
 */
public record TimedRun(
        Map<String, String> given,
        String method,
        double eps,
        double lr,
        long seed,
        double seconds,
        int points) {
    /** Figure: steps that it took. */
    public static final String STEPS = "steps";

    /** Figure: the most bytes of host memory that the run took for blocks and beside them. */
    public static final String HOST_BYTES = "host_bytes";

    /** Figure: bytes that the rule keeps of what is trained. */
    public static final String STATE_BYTES = "state_bytes";

    /** Figure: the most bytes that its process ever had resident. */
    public static final String RESIDENT_BYTES = "resident_bytes";

    private static final long STEPS_WITHOUT_END = 1_000_000_000;
    private static final int ANNEALED_STEPS = 1000; // unless --steps says how many there may be

    /** Resident is then what a run takes, and little that waits to be collected. */
    private static final List<String> SMALL_HEAP = List.of("-XX:+UseSerialGC", "-Xmx512m");

    private static final String PREFIX = "--run-";

    /**
     * Takes the run in a new process.
     *
     * @param work a folder that it may fill; emptied before and after
     */
    public Curve apart(Path work) throws IOException, InterruptedException {
        Folders.delete(work);
        Files.createDirectories(work);
        Path answer = work.resolve("curve.json");
        Path log = work.resolve("log");
        Process process =
                new ProcessBuilder(command(work, answer))
                        .redirectErrorStream(true)
                        .redirectOutput(log.toFile())
                        .start();
        if (process.waitFor() != 0) {
            throw new IllegalStateException(method + " failed: " + Files.readString(log));
        }
        Curve curve = Curve.of(Json.parseObject(Files.readString(answer)));
        Folders.delete(work);
        return curve;
    }

    private List<String> command(Path work, Path answer) {
        List<String> words = new ArrayList<>();
        words.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        words.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        words.addAll(SMALL_HEAP);
        words.addAll(List.of("-cp", System.getProperty("java.class.path")));
        words.addAll(List.of(TimedRun.class.getName(), work.toString(), answer.toString()));
        options().forEach((name, value) -> words.addAll(List.of(name, value)));
        return words;
    }

    private Map<String, String> options() {
        Map<String, String> options = new TreeMap<>(given);
        options.put(PREFIX + "method", method);
        options.put(PREFIX + "eps", Double.toString(eps));
        options.put(PREFIX + "lr", Double.toString(lr));
        options.put(PREFIX + "seed", Long.toString(seed));
        options.put(PREFIX + "seconds", Double.toString(seconds));
        options.put(PREFIX + "points", Integer.toString(points));
        return options;
    }

    /** What the process does: {@code FOLDER ANSWER --name value...}. */
    public static void main(String[] arguments) throws IOException {
        Options given = new Options(arguments, 2);
        TimedRun run =
                new TimedRun(
                        given.all(),
                        given.find(PREFIX + "method").orElseThrow(),
                        given.fraction(PREFIX + "eps", Double.NaN),
                        given.fraction(PREFIX + "lr", Double.NaN),
                        given.number(PREFIX + "seed", 0),
                        given.fraction(PREFIX + "seconds", Double.NaN),
                        given.number(PREFIX + "points", 0));
        Settings told =
                LearningTask.of(given)
                        .told()
                        .with(OutputConfig.OUT, Path.of(arguments[0]).resolve("out"));
        Curve curve = run.here(told, given.number("--steps", ANNEALED_STEPS));
        Files.writeString(Path.of(arguments[1]), Json.write(curve.fields()));
    }

    private Curve here(Settings told, long annealed) {
        Method contender = Contenders.named(method);
        TuneConfig config =
                TuneConfig.builder(
                                contender
                                        .beneath(
                                                contender.optimizer().equals(Helene.NAME)
                                                        ? told.with(Helene.ANNEAL, annealed)
                                                        : told)
                                        .with(ArithmeticConfig.STEPS, STEPS_WITHOUT_END)
                                        .with(ArithmeticConfig.EPS, eps)
                                        .with(ArithmeticConfig.LR, lr)
                                        .with(ArithmeticConfig.SEED, seed))
                        .build();
        StopWatch watch = new StopWatch(StopWatch.times(seconds, points));
        Map<String, Double> figures = new TreeMap<>();
        boolean diverged = false;
        try (RunSetup setup = RunSetup.prepare(config, 0, watch)) {
            try {
                TuningRun.run(config, watch, setup);
            } catch (DivergedException e) {
                diverged = true;
            }
            figures.put(HOST_BYTES, (double) setup.session().ledger().highWater(Tier.HOST));
            figures.put(STATE_BYTES, (double) setup.session().layout().tuned().stateBytes());
        }
        figures.put(STEPS, (double) watch.steps());
        MemoryWatch.peakResidentBytes(ProcessHandle.current().pid())
                .ifPresent(bytes -> figures.put(RESIDENT_BYTES, (double) bytes));
        return new Curve(
                method,
                seed,
                eps,
                lr,
                watch.seconds(),
                diverged || !watch.isFinite(),
                watch.points(),
                figures);
    }
}
