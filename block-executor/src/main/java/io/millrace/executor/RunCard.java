package io.millrace.executor;

import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.config.data.SampleSettings;
import io.millrace.executor.config.data.SliceSharing;
import io.millrace.executor.config.data.TrackConfig;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.RunSetup;
import io.millrace.executor.run.RunSummary;
import io.millrace.model.export.ModelCard;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.OptionTypes;
import io.millrace.optim.option.Settings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The page that a run leaves beside what it tuned. It says nothing of the machine, or of when. */
final class RunCard {
    /** How long a run goes on, and what it leaves on the way: no matter of the result. */
    private static final List<Option<?>> OF_THE_WAY =
            List.of(
                    ArithmeticConfig.STEPS,
                    OutputConfig.RESUME,
                    Parallel.OPTION,
                    SliceSharing.OPTION,
                    OutputConfig.METRICS_PORT,
                    OutputConfig.CHECKPOINT_EVERY,
                    OutputConfig.MAX_TIME);

    private RunCard() {}

    /** Writes it, unless somebody else's page is there. */
    static void write(TuneConfig config, RunSetup setup, RunSummary run) {
        Optional<String> task = config.settings().find(SampleSettings.TASK);
        Optional<EvalResult> after = Optional.ofNullable(run.after());
        List<String> metrics = new ArrayList<>();
        after.ifPresent(result -> {
            for (Metric metric : List.of(Metric.ACCURACY, Metric.F1, Metric.EXACT_MATCH)) {
                if (result.of(metric).isPresent()) {
                    metrics.add(metric.label().replace('-', '_'));
                }
            }
        });
        String method = config.arithmetic().settings().toJson().get("optimizer").toString();
        ModelCard card =
                new ModelCard(
                        ModelCard.name(config.model()),
                        List.of(task.orElseGet(() -> stem(config.data().train()))),
                        List.of("zeroth-order", method),
                        metrics,
                        kind(setup),
                        List.of(
                                new ModelCard.Section("Data", data(config)),
                                new ModelCard.Section("Method", options(config, run)),
                                new ModelCard.Section("Figures", figures(run, after))));
        card.write(config.output().out());
    }

    private static ModelCard.Kind kind(RunSetup setup) {
        if (setup.session().tuned().adapter().isPresent()
                && !setup.session().layout().ownsBeside()) {
            return ModelCard.Kind.ADAPTER;
        }
        return ModelCard.Kind.of(setup.session().checkpoint().program());
    }

    private static String stem(Path file) {
        String name = String.valueOf(file.toAbsolutePath().normalize().getFileName());
        int dot = name.indexOf('.');
        return dot > 0 ? name.substring(0, dot) : name;
    }

    private static Map<String, String> data(TuneConfig config) {
        Map<String, String> rows = new LinkedHashMap<>();
        rows.put("tuned on", fileName(config.data().train()));
        config.data().eval().ifPresent(file -> rows.put("looked at", fileName(file)));
        return rows;
    }

    private static String fileName(Path file) {
        return String.valueOf(file.toAbsolutePath().normalize().getFileName());
    }

    private static Map<String, String> options(TuneConfig config, RunSummary run) {
        Map<String, String> rows = new LinkedHashMap<>();
        rows.put("steps", Long.toString(run.keptStep()));
        config.settings()
                .without(OF_THE_WAY)
                .without(MemoryConfig.OPTIONS)
                .without(TrackConfig.OPTIONS)
                .without(paths(config.settings()))
                .toJson()
                .forEach((name, value) -> rows.put(name, String.valueOf(value)));
        return rows;
    }

    /** Places of this machine. */
    private static List<Option<?>> paths(Settings settings) {
        return settings.options().stream()
                .filter(option -> option.type().equals(OptionTypes.PATH))
                .toList();
    }

    private static Map<String, String> figures(RunSummary run, Optional<EvalResult> after) {
        Map<String, String> rows = new LinkedHashMap<>();
        rows.put("loss of the last step", figure(run.lastLoss()));
        after.ifPresent(result -> {
            for (Metric metric : Metric.values()) {
                result.of(metric)
                        .ifPresent(value -> rows.put("held-out " + metric.label(), figure(value)));
            }
        });
        return rows;
    }

    private static String figure(double value) {
        return String.format(Locale.ROOT, "%.4f", value);
    }
}
