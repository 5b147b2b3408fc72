package io.millrace.cli.selftest;

import io.millrace.cli.context.Operations;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.DataConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.OutputConfig;
import io.millrace.executor.config.RecipeText;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.run.RunSummary;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.DType;
import io.millrace.memory.nvme.io.FileIo;
import io.millrace.memory.nvme.io.IoOptions;
import io.millrace.memory.nvme.io.IoPath;
import io.millrace.optim.option.Option;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Tunes the sample model in several ways, all of which must end with the same bytes. */
final class SelfTest {
    private static final int STEPS = 40;
    private static final int KILLED_AFTER = 12; // lines of the journal
    private static final Duration PATIENCE = Duration.ofMinutes(2);
    private static final Pattern SMALLEST = Pattern.compile("at least (\\d+)");
    private static final String MAIN = "io.millrace.cli.Main"; // which knows the commands
    private static final String WEIGHTS = "model.safetensors";

    private final Operations engine;
    private final Path samples;
    private final Path folder;
    private final Consumer<Finding> found;
    private final Map<String, Settings> small = new HashMap<>(); // by device

    /**
     * A test.
     *
     * @param engine does the work
     * @param samples the model and its data
     * @param folder on the drive that is tried; empty
     * @param found hears what was found
     */
    SelfTest(Operations engine, Path samples, Path folder, Consumer<Finding> found) {
        this.engine = engine;
        this.samples = samples;
        this.folder = folder;
        this.found = found;
    }

    /** Tries everything; what fails is found, and the rest is tried all the same. */
    void run() {
        attempt("drive", this::drive);
        Path expected = folder.resolve("memory");
        boolean tuned =
                attempt(
                        "in memory",
                        () -> {
                            RunSummary run = tune(run(expected));
                            return ok(
                                    "in memory",
                                    run.stepsDone() + " steps, loss " + figure(run.lastLoss()));
                        });
        if (!tuned) {
            return;
        }
        attempt("streamed", () -> streamed("streamed", expected, "cpu"));
        attempt("emulated device", () -> streamed("emulated device", expected, "emulated"));
        attempt("kill and resume", () -> killed(expected));
    }

    /** A try, which may fail in any way. */
    @FunctionalInterface
    private interface Try {
        Finding run() throws IOException, InterruptedException;
    }

    private boolean attempt(String name, Try what) {
        Finding finding;
        try {
            finding = what.run();
        } catch (IOException | RuntimeException | LinkageError e) {
            finding = new Finding(name, Finding.Kind.FAILED, String.valueOf(e.getMessage()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            finding = new Finding(name, Finding.Kind.FAILED, "interrupted");
        }
        found.accept(finding);
        return !finding.failed();
    }

    private static Finding ok(String name, String detail) {
        return new Finding(name, Finding.Kind.OK, detail);
    }

    private Finding drive() {
        try (FileIo io = FileIo.open(folder, IoOptions.defaults())) {
            IoPath path = io.path();
            return new Finding(
                    "drive",
                    path.refusals().isEmpty() ? Finding.Kind.OK : Finding.Kind.NOTE,
                    path.describe());
        }
    }

    private Settings run(Path out) {
        return Settings.NONE
                .with(TuneConfig.MODEL, samples.resolve("tiny-lm"))
                .with(DataConfig.TRAIN, samples.resolve("reviews-train.jsonl"))
                .with(OutputConfig.OUT, out)
                .with(DataConfig.BATCH_SIZE, 4)
                .with(TaskConfig.TEMPLATE, "{text} verdict :")
                .with(TaskConfig.LABEL_WORDS, List.of(" terrible", " great"))
                // In the sample's own 16 bits, all of it takes less than the way through slots.
                .with(ArithmeticConfig.DTYPE, DType.F32)
                .with(ArithmeticConfig.STEPS, (long) STEPS)
                .with(ArithmeticConfig.LR, 1e-4);
    }

    private RunSummary tune(Settings run) {
        return engine.tune(TuneConfig.builder(run).build(), RunListener.SILENT);
    }

    /** With as little memory as there may be, and a store on the drive. */
    private Settings small(String device, Path out) {
        return small.computeIfAbsent(device, this::smallest).with(OutputConfig.OUT, out);
    }

    private Settings smallest(String device) {
        Settings smallest =
                run(folder.resolve("smallest"))
                        .with(MemoryConfig.DEVICE, device)
                        .with(MemoryConfig.NVME_DIR, folder.resolve("store"));
        for (Option<Long> budget : List.of(MemoryConfig.DEVICE_BUDGET, MemoryConfig.HOST_BUDGET)) {
            if (budget == MemoryConfig.DEVICE_BUDGET && !device.equals("emulated")) {
                continue;
            }
            try {
                tune(smallest.with(budget, 1L));
            } catch (BadInputException refusal) {
                Matcher least = SMALLEST.matcher(refusal.getMessage());
                if (!least.find()) {
                    throw refusal;
                }
                smallest = smallest.with(budget, Long.parseLong(least.group(1)));
            }
        }
        return smallest;
    }

    private Finding streamed(String name, Path expected, String device) throws IOException {
        Path out = folder.resolve(name.replace(' ', '-'));
        Settings run = small(device, out);
        tune(run);
        long read = read(out);
        if (read == 0) {
            return new Finding(name, Finding.Kind.FAILED, "nothing was read from the drive");
        }
        return same(
                name,
                out,
                expected,
                ByteSize.format(read)
                        + " a step from the drive, within "
                        + ByteSize.format(run.get(MemoryConfig.HOST_BUDGET))
                        + " of host memory");
    }

    /** Bytes that the last step read from the drive. */
    private static long read(Path out) throws IOException {
        JsonObject last =
                Files.readAllLines(out.resolve("metrics.jsonl")).stream()
                        .map(Json::parseObject)
                        .filter(line -> line.has("lanes"))
                        .toList()
                        .getLast();
        return last.object("lanes").object(Lane.NVME_READ.label()).integer("bytes");
    }

    private static Finding same(String name, Path out, Path expected, String how)
            throws IOException {
        long differs = Files.mismatch(out.resolve(WEIGHTS), expected.resolve(WEIGHTS));
        return differs < 0
                ? ok(name, how + ": the same bytes")
                : new Finding(
                        name,
                        Finding.Kind.FAILED,
                        how + ": other bytes from byte " + differs + " of the weights on");
    }

    private Finding killed(Path expected) throws IOException, InterruptedException {
        Path out = folder.resolve("killed");
        Settings run = small("cpu", out);
        Path recipe = folder.resolve("killed.yaml");
        Files.writeString(recipe, RecipeText.of(TuneConfig.builder(run).build()));
        Process process =
                new ProcessBuilder(line(recipe))
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("killed.log").toFile())
                        .start();
        Path journal = out.resolve("journal.jsonl");
        try {
            long deadline = System.nanoTime() + PATIENCE.toNanos();
            while (process.isAlive() && lines(journal) < KILLED_AFTER) {
                if (System.nanoTime() > deadline) {
                    throw new IOException("no step within " + PATIENCE.toSeconds() + " s");
                }
                TimeUnit.MILLISECONDS.sleep(2);
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
        long done = lines(journal) - 1;
        if (done < 1) {
            throw new IOException(Files.readString(folder.resolve("killed.log")).strip());
        }
        tune(run.with(OutputConfig.RESUME, true));
        return same("kill and resume", out, expected, "killed after " + done + " steps");
    }

    private static long lines(Path file) throws IOException {
        if (!Files.exists(file)) {
            return 0;
        }
        try (Stream<String> lines = Files.lines(file)) {
            return lines.count();
        }
    }

    /** This very program, told to do a run. */
    private static List<String> line(Path recipe) {
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> !argument.startsWith("-Dmillrace.stderr"))
                .forEach(line::add);
        line.addAll(List.of("-cp", System.getProperty("java.class.path"), MAIN));
        line.addAll(List.of("tune", recipe.toString()));
        return line;
    }

    private static String figure(double value) {
        return String.format(Locale.ROOT, "%.4f", value);
    }
}
