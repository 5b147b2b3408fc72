package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.JsonOption;
import io.millrace.executor.config.Seeds;
import io.millrace.executor.journal.JournalFigures;
import io.millrace.executor.journal.JournalReport;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code millrace journal}. */
@Command(
        name = "journal",
        description = "Show what a journal is of, what its steps did, and whether it is whole.")
public final class JournalCommand implements Callable<Integer> {
    /** Fields that have a line of their own, and the checks of the file. */
    private static final Set<String> SHOWN =
            Set.of("millrace_journal", "base", "data", "examples", "tokens", "program", "machine");

    private final CommandContext context;

    @Parameters(paramLabel = "FILE", description = "A run's journal.jsonl.")
    private Path file;

    @Option(
            names = "--model",
            paramLabel = "DIR",
            description = "Say whether these are the weights that the run began from.")
    private Path model;

    @Mixin private JsonOption json = new JsonOption();

    public JournalCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        JournalReport report =
                context.engine()
                        .journal(file, Optional.ofNullable(model).map(context.models()::folder));
        if (json.wanted()) {
            context.printJson(answer(report));
        } else {
            print(report);
        }
        report.damage()
                .ifPresent(damage -> {
                    throw damage;
                });
        return ExitCode.DONE;
    }

    private void print(JournalReport report) {
        Map<String, Object> header = report.header();
        line("journal", file + ", version " + report.version());
        line("run", Seeds.format(report.identity()));
        line("base", header.get("base") + report.base().map(JournalCommand::fits).orElse(""));
        line(
                "data",
                header.containsKey("data")
                        ? format(
                                "%s (%s examples, %s tokens)",
                                header.get("data"), header.get("examples"), header.get("tokens"))
                        : "not said by version 1");
        if (header.containsKey("program")) {
            line("began", "millrace " + header.get("program") + " on " + header.get("machine"));
        }
        line("options", options(header));
        line("steps", Long.toString(report.steps()));
        report.figures().ifPresent(this::print);
        line("whole", whole(report));
    }

    private void print(JournalFigures figures) {
        line(
                "loss",
                format(
                        "%.4f at step 1, %.4f at step %d; mean of the first %d %.4f, of the last %.4f",
                        figures.loss().first(),
                        figures.loss().last(),
                        figures.steps(),
                        figures.smoothed(),
                        figures.smoothedLoss().first(),
                        figures.smoothedLoss().last()));
        if (figures.notFinite() > 0) {
            line("", figures.notFinite() + " steps have a loss that is not finite");
        }
        JournalFigures.Slopes slope = figures.slope();
        line(
                "slope",
                format(
                        "%.4g in size in the mean, from %.4g at step %d to %.4g at step %d",
                        slope.meanSize(),
                        slope.least(),
                        slope.leastStep(),
                        slope.greatest(),
                        slope.greatestStep()));
        line(
                "lr",
                figures.lrRange().first() == figures.lrRange().last()
                        ? Double.toString(figures.lr().first())
                        : format(
                                "%s at step 1, %s at step %d; between %s and %s",
                                figures.lr().first(),
                                figures.lr().last(),
                                figures.steps(),
                                figures.lrRange().first(),
                                figures.lrRange().last()));
    }

    private static String fits(JournalReport.Base base) {
        return base.fits()
                ? ", which " + base.folder() + " is"
                : ", and " + base.folder() + " is another: " + base.fingerprint();
    }

    private static String options(Map<String, Object> header) {
        return header.entrySet().stream()
                .filter(field -> !SHOWN.contains(field.getKey()))
                .map(field -> field.getKey() + " " + field.getValue())
                .collect(Collectors.joining(", "));
    }

    private static String whole(JournalReport report) {
        String bytes = report.wholeBytes() + " bytes";
        if (report.damage().isPresent()) {
            return format(
                    "up to step %d, the first %s; 'millrace replay --until %d' makes its model",
                    report.steps(), bytes, report.steps());
        }
        return report.tornBytes() == 0
                ? "all " + bytes
                : format(
                        "%s; behind step %d a torn tail of %d bytes, which --resume cuts off",
                        bytes, report.steps(), report.tornBytes());
    }

    private Map<String, Object> answer(JournalReport report) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("journal", file.toString());
        answer.put("version", report.version());
        answer.put("run", Seeds.format(report.identity()));
        answer.put("header", report.header());
        answer.put("steps", report.steps());
        report.figures().ifPresent(figures -> addTo(answer, figures));
        answer.put("whole_bytes", report.wholeBytes());
        answer.put("torn_bytes", report.tornBytes());
        answer.put("damage", report.damage().map(Exception::getMessage).orElse(null));
        report.base().ifPresent(base -> answer.put("base_fits", base.fits()));
        return answer;
    }

    private static void addTo(Map<String, Object> answer, JournalFigures figures) {
        JournalFigures.Slopes slope = figures.slope();
        Map<String, Object> loss = new LinkedHashMap<>();
        loss.put("first", CommandContext.orNull(figures.loss().first()));
        loss.put("last", CommandContext.orNull(figures.loss().last()));
        loss.put("mean_of_first", CommandContext.orNull(figures.smoothedLoss().first()));
        loss.put("mean_of_last", CommandContext.orNull(figures.smoothedLoss().last()));
        loss.put("mean_over", figures.smoothed());
        loss.put("steps_not_finite", figures.notFinite());
        answer.put("loss", loss);
        Map<String, Object> slopes = new LinkedHashMap<>();
        slopes.put("mean_size", CommandContext.orNull(slope.meanSize()));
        slopes.put("least", CommandContext.orNull(slope.least()));
        slopes.put("least_step", slope.leastStep());
        slopes.put("greatest", CommandContext.orNull(slope.greatest()));
        slopes.put("greatest_step", slope.greatestStep());
        answer.put("slope", slopes);
        Map<String, Object> rates = new LinkedHashMap<>();
        rates.put("first", figures.lr().first());
        rates.put("last", figures.lr().last());
        rates.put("least", figures.lrRange().first());
        rates.put("greatest", figures.lrRange().last());
        answer.put("lr", rates);
    }

    private void line(String name, String value) {
        context.print(format("%-8s %s", name, value));
    }

    @SuppressWarnings("AnnotateFormatMethod") // its annotation is a library of its own
    private static String format(String form, Object... values) {
        return String.format(Locale.ROOT, form, values);
    }
}
