package io.millrace.bench;

import io.millrace.bench.program.Options;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.config.TuneConfig;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.StepOverlap;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Steps of a LoRA beside a base as it is and beside the same shape in fewer bits, in turns: in
 * memory, or streamed under a budget.
 *
 * <pre>
 *   PackedTurns FOLDER [--arch opt-125m] [--dtype float32] [--formats int4] [--cases 4x128]
 *               [--matmul native] [--host-budget 620MiB] [--rounds 2] [--steps 3]
 * </pre>
 */
public final class PackedTurns {
    private final Comparison comparison;
    private final String plain;
    private final Map<String, Path> models = new LinkedHashMap<>();
    private final Matmul matmul;

    private PackedTurns(Path folder, Options given) throws IOException {
        String arch = given.get("--arch", "opt-125m");
        DType dtype = DType.find(given.get("--dtype", "float32")).orElseThrow();
        plain = dtype.torchName();
        matmul = Matmul.valueOf(given.get("--matmul", "native").toUpperCase(Locale.ROOT));
        comparison =
                new Comparison(
                        folder, given, given.number("--steps", 3), given.number("--rounds", 2));
        models.put(plain, BenchModels.of(folder, arch, dtype));
        for (String format : given.get("--formats", "int4").split(",", -1)) {
            models.put(format, BenchModels.packed(folder, arch, dtype, format));
        }
    }

    /** Measures and prints a table. */
    public static void main(String[] arguments) throws IOException {
        PackedTurns turns = new PackedTurns(Path.of(arguments[0]), new Options(arguments, 1));
        System.out.println(
                "| base | batch | s a step, median (least) | over the first's, medians (least)"
                        + " | read a step, MiB | hidden | bound by |");
        System.out.println("|---|---|---|---|---|---|---|");
        turns.comparison.cases("4x128", turns::run);
    }

    private void run(int rows, int tokens) throws IOException {
        Settings told =
                comparison
                        .told(rows, tokens)
                        .with(TrainedTensors.TUNE, "lora")
                        .with(ArithmeticConfig.MATMUL, matmul);
        Map<String, Comparison.Turn> turns = new LinkedHashMap<>();
        models.forEach((name, model) ->
                turns.put(
                        name,
                        Comparison.steps(
                                TuneConfig.builder(told.with(TuneConfig.MODEL, model)).build())));
        Map<String, List<StepOverlap>> taken = comparison.inTurns(turns);
        double median = Comparison.medianSeconds(taken.get(plain));
        double least = least(taken.get(plain));
        taken.forEach((name, of) -> {
            StepOverlap last = of.getLast();
            System.out.printf(
                    Locale.ROOT,
                    "| %s | %d x %d | %.3f (%.3f) | %.3f (%.3f) | %.0f | %.4f | %s |%n",
                    name,
                    rows,
                    tokens,
                    Comparison.medianSeconds(of),
                    least(of),
                    Comparison.medianSeconds(of) / median,
                    least(of) / least,
                    last.lanes().get(Lane.NVME_READ).bytes() / 0x1p20,
                    last.hiddenTransfer(),
                    last.boundLane());
        });
    }

    private static double least(List<StepOverlap> steps) {
        return steps.stream().mapToDouble(StepOverlap::seconds).min().orElseThrow();
    }
}
