package io.millrace.bench;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.Method;
import io.millrace.executor.config.Methods;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.memory.DType;
import io.millrace.optim.option.Settings;
import io.millrace.optim.participation.RandomLayers;
import io.millrace.telemetry.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What a step of each published method costs beside one of MeZO, all in memory on the CPU. The
 * methods take turns, so that whatever changes slowly hits all of them; low-rank ones fold within
 * the turn, as every method does.
 *
 * <pre>
 *   MethodCosts FOLDER [--arch opt-125m] [--dtype float32] [--cases 1x64,8x128] [--rounds 4]
 *               [--steps 8] [--only mezo,fzoo]
 * </pre>
 */
public final class MethodCosts {
    private static final int VOCABULARY = 30000;
    private static final int LEFT_OUT = 2; // what Steps leaves out

    private final Path folder;
    private final Path model;
    private final int rounds;
    private final int steps;

    private MethodCosts(Path folder, Path model, int rounds, int steps) {
        this.folder = folder;
        this.model = model;
        this.rounds = rounds;
        this.steps = steps;
    }

    /** Measures and prints a table. */
    public static void main(String[] arguments) throws IOException {
        Path folder = Files.createDirectories(Path.of(arguments[0]));
        Options given = new Options(arguments, 1);
        String arch = given.get("--arch", "opt-125m");
        String dtype = given.get("--dtype", "float32");
        Path model = BenchModels.of(folder, arch, DType.find(dtype).orElseThrow());
        MethodCosts costs =
                new MethodCosts(
                        folder, model, given.number("--rounds", 4), given.number("--steps", 8));
        List<String> only = List.of(given.get("--only", "").split(",", -1));
        List<Method> methods =
                Methods.all().stream()
                        .filter(method ->
                                only.contains(method.name())
                                        || only.contains("")
                                        || method.name().equals("mezo"))
                        .flatMap(MethodCosts::alsoWithoutEnds)
                        .toList();
        System.out.println(
                "| model | batch | method | forwards | state bytes a parameter | ms a step, median"
                        + " | beside mezo |");
        System.out.println("|---|---|---|---|---|---|---|");
        for (String one : given.get("--cases", "1x64,8x128").split(",", -1)) {
            String[] sizes = one.split("x", -1);
            costs.run(
                    arch + " " + dtype,
                    methods,
                    Integer.parseInt(sizes[0]),
                    Integer.parseInt(sizes[1]));
        }
    }

    /** A method that draws layers is measured with the ends and without. */
    private static Stream<Method> alsoWithoutEnds(Method method) {
        if (!method.blocks().equals(RandomLayers.NAME)) {
            return Stream.of(method);
        }
        Settings without = method.settings().with(RandomLayers.FROZEN_ENDS, true);
        return Stream.of(
                method,
                new Method(
                        method.name() + " " + RandomLayers.FROZEN_ENDS.spelled(),
                        method.source(),
                        without));
    }

    private void run(String name, List<Method> methods, int batch, int tokens) throws IOException {
        Map<Method, List<StepMetrics>> taken = new LinkedHashMap<>();
        for (Method method : methods) {
            Steps.take(config(method, batch, tokens), 2 * LEFT_OUT); // until it is compiled
            taken.put(method, new ArrayList<>());
        }
        for (int round = 0; round < rounds; round++) {
            for (Method method : methods) {
                taken.get(method)
                        .addAll(Steps.take(config(method, batch, tokens), LEFT_OUT + steps));
            }
        }
        double mezo =
                taken.entrySet().stream()
                        .filter(entry -> entry.getKey().name().equals("mezo"))
                        .mapToDouble(entry -> milliseconds(entry.getValue()))
                        .findFirst()
                        .orElseThrow();
        taken.forEach((method, all) ->
                System.out.printf(
                        Locale.ROOT,
                        "| %s | %d x %d | %s | %d | %d | %.1f | %.3f |%n",
                        name,
                        batch,
                        tokens,
                        method.name(),
                        method.forwards(),
                        method.stateBytes(),
                        milliseconds(all),
                        milliseconds(all) / mezo));
    }

    private static double milliseconds(List<StepMetrics> steps) {
        return 1e3 * Steps.median(steps, step -> step.overlap().seconds());
    }

    private TuneConfig config(Method method, int batch, int tokens) throws IOException {
        Path rows =
                TuneRun.writeRows(
                        folder.resolve("rows-" + tokens + ".jsonl"), batch, tokens, VOCABULARY);
        Settings told =
                Settings.NONE
                        .with(TuneConfig.MODEL, model)
                        .with(DataConfig.TRAIN, rows)
                        .with(OutputConfig.OUT, folder.resolve("out"))
                        .with(DataConfig.BATCH_SIZE, batch)
                        .with(ArithmeticConfig.STEPS, (long) LEFT_OUT + steps)
                        .with(ArithmeticConfig.LR, 1e-7);
        return TuneConfig.builder(method.beneath(told)).build();
    }
}
