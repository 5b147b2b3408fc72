package io.millrace.cli.command;

import io.millrace.cli.context.CommandContext;
import io.millrace.cli.context.ExitCode;
import io.millrace.cli.option.Converters;
import io.millrace.cli.option.Described;
import io.millrace.cli.option.Given;
import io.millrace.cli.option.JsonOption;
import io.millrace.cli.option.ProbeCache;
import io.millrace.cli.option.RunLine;
import io.millrace.cli.run.RunReporter;
import io.millrace.executor.Rehearsal;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Methods;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.memory.BadInputException;
import io.millrace.optim.option.Settings;
import io.millrace.prefetch.plan.MachineFile;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.report.BytesPerLane;
import io.millrace.telemetry.report.Findings;
import io.millrace.telemetry.report.HtmlReport;
import io.millrace.telemetry.report.MachineLimits;
import io.millrace.telemetry.report.PageTime;
import io.millrace.telemetry.report.Profile;
import io.millrace.telemetry.report.ProfileData;
import io.millrace.telemetry.report.ProfileRecorder;
import io.millrace.telemetry.report.Wear;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** {@code millrace profile}. */
@Command(
        name = "profile",
        customSynopsis = "millrace profile --model=DIR --train=FILE [OPTION]...",
        description =
                "Take a few steps of a run and show where the time goes: report.html, trace.json.")
public final class ProfileCommand implements Callable<Integer>, Described {
    private static final DateTimeFormatter IN_NAMES =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");
    private static final String ELSEWHERE = "give a folder that can be written with --out";

    private final CommandContext context;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "New folder for the report. Default: profile-DATE-TIME here.")
    private Path out;

    @Option(
            names = "--warm-steps",
            paramLabel = "N",
            description = "Steps before those that are measured. Default: 3.")
    private int warmSteps = 3;

    @Option(
            names = "--measured-steps",
            paramLabel = "N",
            description = "Steps that are measured. Default: 5.")
    private int measuredSteps = 5;

    @Option(
            names = "--tbw",
            paramLabel = "SIZE",
            converter = Converters.Size.class,
            description = "Bytes that the drive is rated to bear, such as 600TB.")
    private Long tbw;

    @Option(
            names = "--probe",
            paramLabel = "FILE",
            description =
                    "Answer of 'millrace probe --json', to set rates beside its limits. Default: what"
                            + " was last probed here, if anything.")
    private Path probe;

    @Mixin private JsonOption json = new JsonOption();

    private RunLine run;
    private Settings told;

    public ProfileCommand(CommandContext context) {
        this.context = context;
    }

    @Override
    public void describe(CommandSpec command) {
        run =
                RunLine.of(command)
                        .require(TuneConfig.MODEL)
                        .require(DataConfig.TRAIN)
                        .takeRecipe()
                        .take(DataConfig.OPTIONS)
                        .take(TaskConfig.OPTIONS)
                        .take(List.of(Methods.METHOD))
                        .take(ArithmeticConfig.OPTIONS)
                        .take(MemoryConfig.OPTIONS)
                        .take(List.of(OutputConfig.METRICS_PORT))
                        .atTheEnd();
    }

    @Override
    public Integer call() throws IOException {
        told = run.told().without(List.of(DataConfig.EVAL)); // it evaluates nothing
        requireCounts();
        told = context.models().found(told);
        MachineLimits limits = limits();
        LocalDateTime now = LocalDateTime.now(ZoneId.systemDefault());
        Path place = out == null ? Path.of("profile-" + IN_NAMES.format(now)) : out;
        requireNew(place);
        boolean made = !Files.exists(place);
        config(place.resolve("run"), place.resolve("trace.json")); // refuses before anything exists
        make(place);
        Profile profile;
        TuneConfig config;
        try (ProfileRecorder recorder = new ProfileRecorder(warmSteps)) {
            try (ThrowAwayFolder folder = ThrowAwayFolder.in(place, ELSEWHERE)) {
                config = config(folder.path().resolve("run"), place.resolve("trace.json"));
                rehearse(config, recorder);
            } catch (BadInputException e) {
                if (made) {
                    Files.delete(place);
                }
                throw e;
            }
            if (recorder.measuredSteps() == 0) {
                context.err().println("millrace: interrupted before a step was measured");
                context.err().flush();
                return ExitCode.INTERRUPTED;
            }
            profile = recorder.profile();
        }
        Findings findings = Findings.of(profile, new BytesPerLane());
        Wear wear = Wear.of(profile, Given.optional(tbw));
        ProfileData answer = new ProfileData(profile, findings, limits, wear);
        Path report = place.resolve("report.html");
        HtmlReport.write(report, answer, options(config), PageTime.of(now));
        print(answer, findings, place);
        return profile.steps().size() < measuredSteps ? ExitCode.INTERRUPTED : ExitCode.DONE;
    }

    private void rehearse(TuneConfig config, ProfileRecorder recorder) {
        RunReporter reporter = new RunReporter(context);
        Rehearsal rehearsal = Rehearsal.of((long) warmSteps + measuredSteps);
        reporter.watch(
                () -> context.engine().rehearse(config, rehearsal, reporter, List.of(recorder)));
    }

    private TuneConfig config(Path folder, Path trace) {
        return TuneConfig.builder(
                        told.with(OutputConfig.OUT, folder).with(OutputConfig.TRACE, trace))
                .build();
    }

    private void requireCounts() {
        if (warmSteps < 0) {
            throw new BadInputException(
                    "--warm-steps", warmSteps + " is below 0", "give 0 or more");
        }
        if (measuredSteps < 1) {
            throw new BadInputException(
                    "--measured-steps", measuredSteps + " steps show nothing", "give 1 or more");
        }
    }

    private static void requireNew(Path place) throws IOException {
        if (!Files.exists(place)) {
            return;
        }
        if (!Files.isDirectory(place)) {
            throw new BadInputException("--out", place + " is a file", "give a new folder");
        }
        try (Stream<Path> entries = Files.list(place)) {
            if (entries.findAny().isPresent()) {
                throw new BadInputException(
                        "--out", place + " is not empty", "give another folder");
            }
        }
    }

    private static void make(Path place) {
        try {
            Files.createDirectories(place);
        } catch (IOException e) {
            throw new BadInputException("--out", place + " cannot be made", ELSEWHERE);
        }
    }

    private MachineLimits limits() {
        Path kept = ProbeCache.ofThisMachine().file(told.find(MemoryConfig.NVME_DIR));
        if (probe == null && !Files.isReadable(kept)) {
            return MachineLimits.UNKNOWN;
        }
        Path file = probe == null ? kept : probe;
        try {
            return MachineLimits.of(Json.readObject(file, MachineFile.MAX_BYTES));
        } catch (NoSuchFileException e) {
            throw new BadInputException("--probe", file + " is not there", "check the path");
        } catch (IOException e) {
            throw new BadInputException(
                    "--probe", file + " cannot be read (" + e.getMessage() + ")", "check the path");
        } catch (JsonFormatException e) {
            throw new BadInputException(
                    file.toString(), e.getMessage(), "write it anew with 'millrace probe --json'");
        }
    }

    /** What the run was asked, without what only says where it ran. */
    private static Map<String, Object> options(TuneConfig config) {
        Map<String, Object> options = new LinkedHashMap<>(config.options());
        List.of("out", "trace", "resume", "eval-every", "checkpoint-every")
                .forEach(options::remove);
        return options;
    }

    private void print(ProfileData data, Findings findings, Path place) {
        Map<String, Object> summary = data.summary();
        Path report = place.resolve("report.html");
        Path trace = place.resolve("trace.json");
        if (json.wanted()) {
            summary.put("report", report.toString());
            summary.put("trace", trace.toString());
            context.printJson(summary);
            return;
        }
        context.print(findings.headline());
        findings.details().forEach(context::print);
        context.print("");
        line("step", "%.3f s", summary.get("step_seconds"));
        line("tokens/s", "%,.1f", summary.get("tokens_per_second"));
        line("pipeline efficiency", "%.3f", summary.get("pipeline_efficiency"));
        line("hidden transfer", "%.3f", summary.get("hidden_transfer"));
        line("exposed transfer", "%.3f s a step", summary.get("exposed_transfer_seconds"));
        line("compute utilisation", "%.3f", summary.get("compute_utilisation"));
        line("bound lane", "%s", summary.get("bound_lane"));
        context.print("");
        line("report", "%s", report);
        line("timeline", "%s, for ui.perfetto.dev", trace);
    }

    private void line(String name, String format, Object value) {
        context.print(String.format(Locale.ROOT, "%-20s " + format, name, value));
    }
}
