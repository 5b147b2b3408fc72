package io.millrace.bench;

import io.millrace.bench.program.Folders;
import io.millrace.bench.program.Options;
import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TrainedTensors;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.StepProgress;
import io.millrace.executor.many.ManyRuns;
import io.millrace.optim.option.Settings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What a step of several adapters in one pass costs beside as many steps of runs of their own: the
 * same LoRA from different seeds, which take turns with each other.
 *
 * <pre>
 *   ManyAdapters FOLDER [--adapters 8] [--arch opt-125m] [--dtype float32] [--cases 1x64]
 *                [--rounds 4] [--steps 8] [--host-budget 700MiB]
 * </pre>
 */
public final class ManyAdapters {
    private static final int LEFT_OUT = 2; // steps until a run is warm

    private final Comparison comparison;
    private final int adapters;
    private final int steps;
    private final int rounds;

    private ManyAdapters(Comparison comparison, Options given) {
        this.comparison = comparison;
        adapters = given.number("--adapters", 8);
        steps = given.number("--steps", 8);
        rounds = given.number("--rounds", 4);
    }

    /** Measures and prints a table. */
    public static void main(String[] arguments) throws IOException {
        Options given = new Options(arguments, 1);
        Comparison comparison =
                new Comparison(
                        Path.of(arguments[0]),
                        given,
                        given.number("--steps", 8),
                        given.number("--rounds", 4));
        ManyAdapters many = new ManyAdapters(comparison, given);
        System.out.println(
                "| model | batch | adapters | ms a step alone | ms a step together | together over"
                        + " alone, all of them |");
        System.out.println("|---|---|---|---|---|---|");
        comparison.cases("1x64", many::run);
    }

    private void run(int rows, int tokens) throws IOException {
        List<TuneConfig> configs = configs(comparison.told(rows, tokens));
        together(configs); // until it is compiled
        List<Double> alone = new ArrayList<>();
        List<Double> together = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            TuneConfig one = configs.get(round % adapters);
            alone.addAll(together(List.of(one)));
            together.addAll(together(configs));
        }
        double each = median(alone);
        double all = median(together);
        System.out.printf(
                Locale.ROOT,
                "| %s | %d x %d | %d | %.1f | %.1f | %.3f |%n",
                comparison.name(),
                rows,
                tokens,
                adapters,
                1e3 * each,
                1e3 * all,
                all / (adapters * each));
    }

    private List<TuneConfig> configs(Settings told) {
        Path out = told.get(OutputConfig.OUT);
        List<TuneConfig> configs = new ArrayList<>();
        for (int adapter = 0; adapter < adapters; adapter++) {
            configs.add(
                    TuneConfig.builder(
                                    told.with(TrainedTensors.TUNE, LoraKind.NAME)
                                            .with(ArithmeticConfig.STEPS, (long) LEFT_OUT + steps)
                                            .with(ArithmeticConfig.SEED, (long) adapter)
                                            .with(
                                                    OutputConfig.OUT,
                                                    out.resolve(Integer.toString(adapter))))
                            .build());
        }
        return configs;
    }

    /** Seconds of each warm step of the first of some runs, which all share its passes. */
    private static List<Double> together(List<TuneConfig> configs) throws IOException {
        List<Double> seconds = new ArrayList<>();
        for (TuneConfig config : configs) {
            Folders.delete(config.output().out());
        }
        ManyRuns.run(
                configs,
                run ->
                        new RunListener() {
                            @Override
                            public void onStep(StepProgress step) {
                                if (run == 0 && step.step() > LEFT_OUT) {
                                    seconds.add(step.stepSeconds());
                                }
                            }
                        });
        for (TuneConfig config : configs) {
            Folders.delete(config.output().out());
        }
        return seconds;
    }

    private static double median(List<Double> values) {
        return DeviceCopies.median(values.stream().mapToDouble(Double::doubleValue).toArray());
    }
}
