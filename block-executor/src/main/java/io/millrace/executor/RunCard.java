package io.millrace.executor;

import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.data.SampleSettings;
import io.millrace.executor.run.EvalResult;
import io.millrace.executor.run.RunSetup;
import io.millrace.executor.run.RunSummary;
import io.millrace.model.export.ModelCard;
import io.millrace.model.program.Answers;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The page that a run leaves beside what it tuned. It says nothing of the machine, or of when. */
final class RunCard {
    /** Where things lie and how they move: no matter of the result. */
    private static final Set<String> OF_THE_MACHINE =
            Set.of(
                    "model",
                    "train",
                    "eval",
                    "out",
                    "resume",
                    "trace",
                    "metrics-port",
                    "device",
                    "device-budget",
                    "host-budget",
                    "nvme-dir",
                    "nvme-budget",
                    "prefetch",
                    "overlap",
                    "max-time",
                    "checkpoint-every",
                    "mask-indices",
                    "adapter");

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
        return setup.session().checkpoint().program().answers() == Answers.NEXT
                ? ModelCard.Kind.DECODER
                : ModelCard.Kind.OTHER;
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
        config.options()
                .forEach((name, value) -> {
                    if (!OF_THE_MACHINE.contains(name) && !name.equals("steps")) {
                        rows.put(name, String.valueOf(value));
                    }
                });
        return rows;
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
