package io.millrace.bench;

import io.millrace.bench.program.Options;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.memory.DType;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.StepOverlap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Steps of several runs of one model on the CPU, which take turns, so that whatever changes slowly
 * hits all of them. What a turn does until it is warm is left out.
 */
final class Comparison {
    private static final int VOCABULARY = 30000;
    private static final int LEFT_OUT = 2; // what Steps leaves out

    private final Path folder;
    private final Options given;
    private final Path model;
    private final String name;
    private final int rounds;
    private final int steps;

    /** What takes turns with others. */
    interface Turn {
        /** Takes so many warm steps. */
        List<StepOverlap> take(int steps) throws IOException;
    }

    /** A batch to compare at. */
    interface Case {
        void run(int rows, int tokens) throws IOException;
    }

    /**
     * Makes the model of {@code --arch} and {@code --dtype}, unless it is there.
     *
     * @param folder for models, rows and what runs leave
     * @param given {@code --host-budget} bounds memory, so that blocks stream
     * @param steps of a turn
     * @param rounds turns of each
     */
    Comparison(Path folder, Options given, int steps, int rounds) throws IOException {
        this.folder = Files.createDirectories(folder);
        this.given = given;
        this.steps = steps;
        this.rounds = rounds;
        String arch = given.get("--arch", "opt-125m");
        String dtype = given.get("--dtype", "float32");
        name = arch + " " + dtype;
        model = BenchModels.of(folder, arch, DType.find(dtype).orElseThrow());
    }

    /** Shape and type. */
    String name() {
        return name;
    }

    /** Takes one batch after another of {@code --cases}, such as {@code 1x64,8x128}. */
    void cases(String otherwise, Case one) throws IOException {
        for (String words : given.get("--cases", otherwise).split(",", -1)) {
            String[] sizes = words.split("x", -1);
            one.run(Integer.parseInt(sizes[0]), Integer.parseInt(sizes[1]));
        }
    }

    /** What every run is told, whatever its method. */
    Settings told(int rows, int tokens) throws IOException {
        Path data =
                TuneRun.writeRows(
                        folder.resolve("rows-" + tokens + ".jsonl"), rows, tokens, VOCABULARY);
        Settings told =
                Settings.NONE
                        .with(TuneConfig.MODEL, model)
                        .with(DataConfig.TRAIN, data)
                        .with(OutputConfig.OUT, folder.resolve("out"))
                        .with(DataConfig.BATCH_SIZE, rows)
                        .with(DataConfig.SHUFFLE, false)
                        .with(ArithmeticConfig.STEPS, (long) LEFT_OUT + steps)
                        .with(ArithmeticConfig.LR, 1e-7);
        return given.find("--host-budget")
                .map(budget ->
                        told.with(
                                        MemoryConfig.HOST_BUDGET,
                                        OptionTypes.SIZE.parse().apply(List.of(budget)))
                                .with(MemoryConfig.NVME_DIR, folder.resolve("nvme")))
                .orElse(told);
    }

    /** A run's own steps. */
    static Turn steps(TuneConfig config) {
        return steps ->
                Steps.take(config, LEFT_OUT + steps).stream().map(StepMetrics::overlap).toList();
    }

    /** Warms everything up, then takes turns. */
    <K> Map<K, List<StepOverlap>> inTurns(Map<K, Turn> turns) throws IOException {
        Map<K, List<StepOverlap>> taken = new LinkedHashMap<>();
        for (Map.Entry<K, Turn> turn : turns.entrySet()) {
            turn.getValue().take(LEFT_OUT); // until it is compiled
            taken.put(turn.getKey(), new ArrayList<>());
        }
        for (int round = 0; round < rounds; round++) {
            for (Map.Entry<K, Turn> turn : turns.entrySet()) {
                taken.get(turn.getKey()).addAll(turn.getValue().take(steps));
            }
        }
        return taken;
    }

    /** Of the steps' lengths. */
    static double medianSeconds(List<StepOverlap> steps) {
        return DeviceCopies.median(steps.stream().mapToDouble(StepOverlap::seconds).toArray());
    }
}
