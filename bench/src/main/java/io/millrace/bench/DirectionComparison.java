package io.millrace.bench;

import io.millrace.bench.program.Options;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.optim.direction.Directions;
import io.millrace.optim.direction.GaussianDirection;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.StepOverlap;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Steps with low-rank directions beside steps with dense ones, at several batch sizes, all in
 * memory on the CPU. A low-rank run writes weights once a window, so that a turn is a whole window
 * and both the median of its steps and their mean are told.
 *
 * <pre>
 *   DirectionComparison FOLDER [--arch opt-125m] [--dtype float32] [--cases 1x64,8x128]
 *                       [--window 50] [--rounds 2]
 * </pre>
 */
public final class DirectionComparison {
    private DirectionComparison() {}

    /** Measures and prints a table. */
    public static void main(String[] arguments) throws IOException {
        Options given = new Options(arguments, 1);
        int window = given.number("--window", 50);
        Comparison comparison =
                new Comparison(Path.of(arguments[0]), given, window, given.number("--rounds", 2));
        System.out.println(
                "| model | batch | dense ms, median (mean) | low-rank ms, median (mean)"
                        + " | dense / low-rank, medians (means) |");
        System.out.println("|---|---|---|---|---|");
        comparison.cases(
                "1x64,1x128,2x128,4x128,8x128",
                (rows, tokens) -> run(comparison, rows, tokens, window));
    }

    private static void run(Comparison comparison, int rows, int tokens, int window)
            throws IOException {
        Settings told = comparison.told(rows, tokens).with(DataConfig.MICRO_BATCH, rows);
        Map<String, Comparison.Turn> turns = new LinkedHashMap<>();
        turns.put("dense", turn(told.with(Directions.KINDS.naming(), GaussianDirection.NAME)));
        turns.put(
                "low-rank",
                turn(
                        told.with(Directions.KINDS.naming(), LowRankDirection.NAME)
                                .with(LowRankDirection.WINDOW, window)));
        Map<String, List<StepOverlap>> taken = comparison.inTurns(turns);
        double dense = 1e3 * Comparison.medianSeconds(taken.get("dense"));
        double lowRank = 1e3 * Comparison.medianSeconds(taken.get("low-rank"));
        double denseMean = mean(taken.get("dense"));
        double lowRankMean = mean(taken.get("low-rank"));
        System.out.printf(
                Locale.ROOT,
                "| %s | %d x %d | %.1f (%.1f) | %.1f (%.1f) | %.2f (%.2f) |%n",
                comparison.name(),
                rows,
                tokens,
                dense,
                denseMean,
                lowRank,
                lowRankMean,
                dense / lowRank,
                denseMean / lowRankMean);
    }

    private static Comparison.Turn turn(Settings told) {
        return Comparison.steps(TuneConfig.builder(told).build());
    }

    private static double mean(List<StepOverlap> steps) {
        return 1e3 * steps.stream().mapToDouble(StepOverlap::seconds).average().orElseThrow();
    }
}
