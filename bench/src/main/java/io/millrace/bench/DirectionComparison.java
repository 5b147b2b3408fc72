package io.millrace.bench;

import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.memory.DType;
import io.millrace.telemetry.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Steps with low-rank directions beside steps with dense ones, at several batch sizes, all in
 * memory on the CPU. The two take turns. A low-rank run writes weights once a window, so that a
 * turn is a whole window and both the median of its steps and their mean are told.
 *
 * <pre>
 *   DirectionComparison FOLDER [--arch opt-125m] [--dtype float32] [--cases 1x64,8x128]
 *                       [--window 50] [--rounds 2]
 * </pre>
 */
public final class DirectionComparison {
    private static final int VOCABULARY = 30000;
    private static final int LEFT_OUT = 2; // what Steps leaves out

    private final Path folder;
    private final Path model;
    private final int window;
    private final int rounds;

    private DirectionComparison(Path folder, Path model, int window, int rounds) {
        this.folder = folder;
        this.model = model;
        this.window = window;
        this.rounds = rounds;
    }

    /** Measures and prints a table. */
    public static void main(String[] arguments) throws IOException {
        Path folder = Files.createDirectories(Path.of(arguments[0]));
        Options given = new Options(arguments, 1);
        String arch = given.get("--arch", "opt-125m");
        String dtype = given.get("--dtype", "float32");
        Path model = BenchModels.of(folder, arch, DType.find(dtype).orElseThrow());
        DirectionComparison comparison =
                new DirectionComparison(
                        folder, model, given.number("--window", 50), given.number("--rounds", 2));
        System.out.println(
                "| model | batch | dense ms, median (mean) | low-rank ms, median (mean)"
                        + " | dense / low-rank, medians (means) |");
        System.out.println("|---|---|---|---|---|");
        String cases = given.get("--cases", "1x64,1x128,2x128,4x128,8x128");
        for (String one : cases.split(",", -1)) {
            String[] sizes = one.split("x", -1);
            comparison.run(
                    arch + " " + dtype, Integer.parseInt(sizes[0]), Integer.parseInt(sizes[1]));
        }
    }

    private void run(String name, int batch, int tokens) throws IOException {
        List<StepMetrics> dense = new ArrayList<>();
        List<StepMetrics> lowRank = new ArrayList<>();
        Steps.take(config("gaussian", batch, tokens), 2 * LEFT_OUT); // until both are compiled
        Steps.take(config("low-rank", batch, tokens), 2 * LEFT_OUT);
        for (int round = 0; round < rounds; round++) {
            dense.addAll(Steps.take(config("gaussian", batch, tokens), LEFT_OUT + window));
            lowRank.addAll(Steps.take(config("low-rank", batch, tokens), LEFT_OUT + window));
        }
        System.out.printf(
                Locale.ROOT,
                "| %s | %d x %d | %.1f (%.1f) | %.1f (%.1f) | %.2f (%.2f) |%n",
                name,
                batch,
                tokens,
                median(dense),
                mean(dense),
                median(lowRank),
                mean(lowRank),
                median(dense) / median(lowRank),
                mean(dense) / mean(lowRank));
    }

    private static double median(List<StepMetrics> steps) {
        return 1e3 * Steps.median(steps, step -> step.overlap().seconds());
    }

    private static double mean(List<StepMetrics> steps) {
        return 1e3
                * steps.stream()
                        .mapToDouble(step -> step.overlap().seconds())
                        .average()
                        .orElseThrow();
    }

    private TuneConfig config(String perturbation, int batch, int tokens) throws IOException {
        Path rows =
                TuneRun.writeRows(
                        folder.resolve("rows-" + tokens + ".jsonl"), batch, tokens, VOCABULARY);
        TuneConfigBuilder builder =
                TuneConfig.builder(model, rows, folder.resolve("out"))
                        .batchSize(batch)
                        .microBatch(batch)
                        .perturbation(perturbation)
                        .steps((long) LEFT_OUT + window)
                        .lr(1e-7)
                        .shuffle(false);
        return (perturbation.equals("low-rank") ? builder.window(window) : builder).build();
    }
}
