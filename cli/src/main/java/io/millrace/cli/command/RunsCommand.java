package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.JsonOption;
import io.millrace.executor.config.GivenPaths;
import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.report.PageTime;
import io.millrace.telemetry.report.RunRecord;
import io.millrace.telemetry.report.RunsPage;
import io.millrace.telemetry.report.RunsTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code millrace runs}. */
@Command(
        name = "runs",
        customSynopsis = "millrace runs DIR... [--html=FILE] [--json]",
        description = "List runs beside each other: method, loss, metric, time, memory.")
public final class RunsCommand implements Callable<Integer> {
    private static final int DEPTH = 3;

    private final CommandContext context;

    @Parameters(
            arity = "1..*",
            paramLabel = "DIR",
            description = "Folders of runs, or folders that hold some.")
    private List<Path> folders;

    @Option(
            names = "--html",
            paramLabel = "FILE",
            description = "Write a page with their curves in one plot.")
    private Path html;

    @Mixin private JsonOption json = new JsonOption();

    public RunsCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public Integer call() {
        if (html != null) {
            GivenPaths.requireWritableFile("--html", html);
        }
        List<RunRecord> runs = new ArrayList<>();
        for (Path folder : folders) {
            for (Path run : found(folder)) {
                runs.add(read(run));
            }
        }
        RunsTable table = new RunsTable(runs);
        if (html != null) {
            RunsPage.write(html, table, PageTime.now());
        }
        if (json.wanted()) {
            context.printJson(Map.of("runs", table.answers()));
        } else {
            print(table.heads(), table.rows());
            List<List<String>> differences = table.differences();
            if (!differences.isEmpty()) {
                context.print("");
                context.print("in what they differ");
                List<String> heads = new ArrayList<>(List.of("option"));
                table.rows().forEach(row -> heads.add(row.getFirst()));
                print(heads, differences);
            }
        }
        return ExitCode.DONE;
    }

    private static List<Path> found(Path folder) {
        if (RunRecord.isOfARun(folder)) {
            return List.of(folder);
        }
        try (Stream<Path> below = Files.walk(folder, DEPTH)) {
            List<Path> runs = below.filter(RunRecord::isOfARun).sorted().toList();
            if (runs.isEmpty()) {
                throw new BadInputException(
                        "DIR", folder + " holds no run", "give the --out of a 'millrace tune'");
            }
            return runs;
        } catch (IOException e) {
            throw new BadInputException(
                    "DIR", folder + " cannot be read", "give a folder that is there");
        }
    }

    private static RunRecord read(Path folder) {
        try {
            return RunRecord.read(folder);
        } catch (IOException | JsonFormatException e) {
            throw new BadInputException(
                    folder.toString(), "is no run: " + e.getMessage(), "leave it out");
        }
    }

    /** Columns as wide as they must be; numbers stand at the right. */
    private void print(List<String> heads, List<List<String>> rows) {
        List<List<String>> all = new ArrayList<>(List.of(heads));
        all.addAll(rows);
        for (List<String> row : all) {
            StringBuilder line = new StringBuilder();
            for (int column = 0; column < heads.size(); column++) {
                int at = column;
                int wide = all.stream().mapToInt(one -> one.get(at).length()).max().orElse(1);
                boolean left = rows.stream().noneMatch(one -> isNumber(one.get(at)));
                String format = left ? "%-" + wide + "s" : "%" + wide + "s";
                line.append(column == 0 ? "" : "  ")
                        .append(String.format(Locale.ROOT, format, row.get(column)));
            }
            context.print(line.toString().stripTrailing());
        }
    }

    private static boolean isNumber(String text) {
        return !text.isEmpty() && Character.isDigit(text.charAt(0));
    }
}
