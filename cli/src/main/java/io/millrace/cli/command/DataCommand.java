package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.Described;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.RunLine;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.run.DataReport;
import io.millrace.executor.run.DataRequest;
import io.millrace.model.text.data.Reading;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code millrace data}. */
@Command(
        name = "data",
        customSynopsis = "millrace data FILE --model=DIR [OPTION]...",
        description = "Show what a run would read of data: rows, lengths, and what is scored.")
public final class DataCommand implements Callable<Integer>, Described {
    private static final int BAR = 40;
    private static final int MOST_CHARS = 1200;

    private final CommandContext context;

    @Parameters(paramLabel = "FILE", description = "A data file of any kind, or a folder of them.")
    private Path data;

    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description = "The model whose tokenizer reads it, or owner/name on the hub.")
    private Path model;

    @Option(
            names = "--held-out",
            description = "Of a folder, read what is evaluated on, not what is tuned on.")
    private boolean heldOut;

    @Mixin private JsonOption json = new JsonOption();

    private RunLine run;

    public DataCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public void describe(CommandSpec command) {
        run = RunLine.of(command).take(TaskConfig.OPTIONS).atTheEnd();
    }

    @Override
    public Integer call() {
        TaskConfig task = new TaskConfig(run.told());
        DataReport report =
                context.engine()
                        .inspect(
                                new DataRequest(
                                        context.models().folder(model), data, task, heldOut));
        if (json.wanted()) {
            context.printJson(answer(report));
        } else {
            print(report);
        }
        return ExitCode.DONE;
    }

    private void print(DataReport report) {
        Reading reading = report.reading();
        DataReport.Sizes sizes = report.sizes();
        say(
                "%s: %s, %,d rows in %d file%s",
                data,
                reading.data().kind().shape(),
                reading.rows(),
                reading.files().size(),
                reading.files().size() == 1 ? "" : "s");
        say(
                "%,d examples%s, %,d tokens, %,d of them scored; the longest has %,d of at most %,d",
                sizes.examples(),
                sizes.candidates() == 0
                        ? ""
                        : String.format(Locale.ROOT, " with %,d candidates", sizes.candidates()),
                sizes.tokens(),
                sizes.scored(),
                sizes.longest(),
                sizes.seqLen());
        say(
                reading.cutExamples() == 0
                        ? "nothing is cut"
                        : "%,d examples are cut, by %,d tokens together: --seq-len",
                reading.cutExamples(),
                reading.cutTokens());
        if (reading.skipped().count() > 0) {
            say(
                    reading.skipped().count() == 1
                            ? "one row is left out:"
                            : "%,d rows are left out:",
                    reading.skipped().count());
            reading.skipped().first().forEach(line -> say("  %s", line));
        }
        say("");
        int most = Collections.max(report.lengths().values());
        report.lengths()
                .forEach((length, count) ->
                        say(
                                "%,7d tokens or fewer %,9d %s",
                                length, count, "#".repeat(Math.max(1, count * BAR / most))));
        int number = 0;
        for (DataReport.Shown shown : report.shown()) {
            say("");
            say("example %d: %,d tokens, %,d scored", ++number, shown.tokens(), shown.scored());
            context.print(rendered(shown));
        }
    }

    /** A format without arguments is text as it is. */
    private void say(String format, Object... values) {
        context.print(values.length == 0 ? format : String.format(Locale.ROOT, format, values));
    }

    private static String rendered(DataReport.Shown shown) {
        boolean colour =
                System.console() != null
                        && System.console().isTerminal()
                        && System.getenv("NO_COLOR") == null;
        StringBuilder text = new StringBuilder();
        for (DataReport.Part part : shown.parts()) {
            String said = shortened(part.text());
            if (!part.scored()) {
                text.append(said);
            } else if (colour) {
                text.append("\u001B[1;32m").append(said).append("\u001B[0m");
            } else {
                text.append("[[").append(said).append("]]");
            }
        }
        return text.toString();
    }

    /** A terminal is told nothing but text. */
    private static String shortened(String text) {
        String plain = text.replaceAll("[\\p{Cntrl}&&[^\\n\\t]]", "?");
        if (plain.length() <= MOST_CHARS) {
            return plain;
        }
        int half = MOST_CHARS / 2;
        return plain.substring(0, half) + " ... " + plain.substring(plain.length() - half);
    }

    private static Map<String, Object> answer(DataReport report) {
        Reading reading = report.reading();
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("kind", reading.data().kind().shape());
        answer.put("files", reading.files().stream().map(Path::toString).toList());
        answer.put("rows", reading.rows());
        answer.put("skipped_rows", reading.skipped().count());
        answer.put("skipped", reading.skipped().first());
        answer.put("examples", report.sizes().examples());
        answer.put("candidates", report.sizes().candidates());
        answer.put("tokens", report.sizes().tokens());
        answer.put("scored_tokens", report.sizes().scored());
        answer.put("longest", report.sizes().longest());
        answer.put("seq_len", report.sizes().seqLen());
        answer.put("cut_examples", reading.cutExamples());
        answer.put("cut_tokens", reading.cutTokens());
        Map<String, Object> lengths = new LinkedHashMap<>();
        report.lengths().forEach((length, count) -> lengths.put(String.valueOf(length), count));
        answer.put("lengths", lengths);
        answer.put("shown", report.shown().stream().map(DataCommand::fields).toList());
        return answer;
    }

    private static Map<String, Object> fields(DataReport.Shown shown) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("tokens", shown.tokens());
        fields.put("scored", shown.scored());
        fields.put(
                "parts",
                shown.parts().stream().map(part -> List.of(part.text(), part.scored())).toList());
        return fields;
    }
}
