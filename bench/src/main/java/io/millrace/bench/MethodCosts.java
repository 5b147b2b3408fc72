package io.millrace.bench;

import io.millrace.bench.program.Options;
import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.config.Method;
import io.millrace.executor.config.Methods;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.place.ModelSession;
import io.millrace.memory.BadInputException;
import io.millrace.optim.mask.Masks;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.Settings;
import io.millrace.optim.participation.RandomLayers;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.LaneUse;
import io.millrace.telemetry.StepOverlap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import java.util.stream.Stream;

/**
 * What a step of each published method costs beside one of MeZO, and beside bare inference: a plain
 * forward of the same engine over as many rows as the step's forwards have. All take turns, on the
 * CPU; every method of the registry is there by itself. What goes by a list of elements is given
 * one of a thousandth of them.
 *
 * <pre>
 *   MethodCosts FOLDER [--arch opt-125m] [--dtype float32] [--cases 1x64,8x128] [--rounds 4]
 *               [--steps 8] [--only mezo,fzoo] [--host-budget 700MiB]
 * </pre>
 *
 * Steps, passes and lanes are medians of a turn's warm steps, over all turns; bytes are means, as a
 * window of low-rank directions writes once at its end.
 */
public final class MethodCosts {
    private static final String BASE = "mezo";
    private static final double MEBI = 1 << 20;

    private final Comparison comparison;
    private final Options given;

    private MethodCosts(Comparison comparison, Options given) {
        this.comparison = comparison;
        this.given = given;
    }

    /** Measures and prints a table, and the machine. */
    public static void main(String[] arguments) throws IOException {
        Options given = new Options(arguments, 1);
        Comparison comparison =
                new Comparison(
                        Path.of(arguments[0]),
                        given,
                        given.number("--steps", 8),
                        given.number("--rounds", 4));
        MethodCosts costs = new MethodCosts(comparison, given);
        System.out.println(machine());
        System.out.println();
        System.out.println(
                "| model | batch | method | forwards a step | ms a step, median | beside mezo"
                        + " | tokens/s of all forwards | share of bare inference"
                        + " | MiB a step, by lane | hidden transfer | state MiB |");
        System.out.println("|---|---|---|---|---|---|---|---|---|---|---|");
        comparison.cases("1x64,8x128", costs::run);
    }

    private void run(int rows, int tokens) throws IOException {
        Map<Method, TuneConfig> runs = runs(comparison.told(rows, tokens));
        Map<String, Comparison.Turn> turns = new LinkedHashMap<>();
        runs.forEach((method, config) -> {
            turns.put(method.name(), Comparison.steps(config));
            int times = forwards(method);
            turns.put(plain(method), steps -> PlainForward.take(config, times, steps));
        });
        Map<String, List<StepOverlap>> taken = comparison.inTurns(turns);
        double mezo = Comparison.medianSeconds(taken.get(BASE));
        runs.forEach((method, config) -> {
            List<StepOverlap> steps = taken.get(method.name());
            double seconds = Comparison.medianSeconds(steps);
            System.out.printf(
                    Locale.ROOT,
                    "| %s | %d x %d | %s | %.1f | %.1f | %.3f | %.0f | %.3f | %s | %.3f | %.1f |%n",
                    comparison.name(),
                    rows,
                    tokens,
                    method.name(),
                    method.stepForwards(),
                    1e3 * seconds,
                    seconds / mezo,
                    rows * tokens * method.stepForwards() / seconds,
                    Comparison.medianSeconds(taken.get(plain(method))) / seconds,
                    lanes(steps),
                    hidden(steps),
                    stateBytes(config) / MEBI);
        });
    }

    private Map<Method, TuneConfig> runs(Settings told) {
        Map<Method, TuneConfig> runs = new LinkedHashMap<>();
        List<Method> all = Methods.all().stream().flatMap(MethodCosts::variants).toList();
        for (Method method : all) {
            String name = method.name().split(" ", 2)[0]; // a variant goes with its method
            if (!name.equals(BASE) && !given.picks("--only", name)) {
                continue;
            }
            try {
                Settings run = method.beneath(told);
                if (Masks.KINDS.make(run, 0).lacksFile()) {
                    run = run.with(Masks.FILE, BenchLists.of(told.get(TuneConfig.MODEL)));
                }
                runs.put(method, TuneConfig.builder(run).build());
            } catch (BadInputException e) {
                System.err.println(method.name() + " is left out: " + e.getMessage());
            }
        }
        return runs;
    }

    /**
     * A method that draws layers is measured with the ends and without, and MeZO over a whole model
     * and with a LoRA beside one that is only read.
     */
    private static Stream<Method> variants(Method method) {
        if (method.name().equals(BASE)) {
            return Stream.of(method, variant(method, TrainedTensors.TUNE, LoraKind.NAME));
        }
        return method.blocks().equals(RandomLayers.NAME)
                ? Stream.of(method, variant(method, RandomLayers.FROZEN_ENDS, true))
                : Stream.of(method);
    }

    private static <T> Method variant(Method method, Option<T> option, T value) {
        String words = value.equals(true) ? option.spelled() : option.spelled() + " " + value;
        return new Method(
                method.name() + " " + words,
                method.source(),
                method.settings().with(option, value));
    }

    /** Methods with as many forwards share their turns. */
    private static String plain(Method method) {
        return "plain " + forwards(method);
    }

    private static int forwards(Method method) {
        return Math.toIntExact(Math.round(method.stepForwards()));
    }

    private static long stateBytes(TuneConfig config) {
        try (ModelSession session =
                ModelSession.open(config.model(), config.arithmetic(), config.memory())) {
            return session.layout().stateBytes();
        }
    }

    private static String lanes(List<StepOverlap> steps) {
        StringJoiner words = new StringJoiner(", ");
        for (Lane lane : Lane.values()) {
            double bytes =
                    steps.stream()
                            .map(step -> step.lanes().get(lane))
                            .mapToLong(LaneUse::bytes)
                            .average()
                            .orElseThrow();
            if (bytes > 0) {
                words.add(String.format(Locale.ROOT, "%s %.1f", lane.label(), bytes / MEBI));
            }
        }
        return words.length() == 0 ? "none" : words.toString();
    }

    /** 1 where nothing moves. */
    private static double hidden(List<StepOverlap> steps) {
        return DeviceCopies.median(
                steps.stream().mapToDouble(StepOverlap::hiddenTransfer).toArray());
    }

    private static String machine() throws IOException {
        String processor =
                Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                        .filter(line -> line.startsWith("model name"))
                        .map(line -> line.replaceFirst("^[^:]*:\\s*", ""))
                        .findFirst()
                        .orElse("a processor without a name");
        return processor
                + ", "
                + Runtime.getRuntime().availableProcessors()
                + " cores; Java "
                + Runtime.version();
    }
}
