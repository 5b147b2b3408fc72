package io.millrace.bench;

import io.millrace.bench.plot.GpuTable;
import io.millrace.bench.program.Folders;
import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.Matmul;
import io.millrace.memory.OffloadException;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceName;
import io.millrace.memory.device.DeviceOptions;
import io.millrace.memory.device.Devices;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a card does with Millrace: bare copies, then whole runs at batch 1 and at the batch where
 * the transfers hide. Writes {@code gpu.json} after each run, and goes on with the next model where
 * one fails, so that what can be measured is; then a table.
 *
 * <pre>
 *   GpuBenchmark --millrace COMMAND --work FOLDER [--device NAME] [--models A,B] [--budgets X,Y]
 *                [--seq-len T] [--steps N] [--largest-batch B] [--host-budget SIZE] [--dtype D]
 *                [--matmul NAME] [--keep-models yes] [--run-minutes M]
 * </pre>
 */
public final class GpuBenchmark {
    // What hides is given up on above this share.
    private static final double HIDDEN = 0.98;

    private static final List<String> OPTIONS =
            List.of(
                    "--millrace",
                    "--work",
                    "--device",
                    "--models",
                    "--budgets",
                    "--seq-len",
                    "--steps",
                    "--largest-batch",
                    "--host-budget",
                    "--dtype",
                    "--matmul",
                    "--keep-models",
                    "--run-minutes");

    private final Map<String, String> given;
    private final Path work;
    private final DeviceName device;
    private final DType dtype;
    private final Matmul matmul;
    private final int length;
    private final int steps;
    private final TuneRun runs;
    private final Map<String, Object> report = new LinkedHashMap<>();
    private final List<Map<String, Object>> results = new ArrayList<>();

    private GpuBenchmark(Map<String, String> given) throws IOException {
        this.given = given;
        requireKnown();
        work = Files.createDirectories(Path.of(given.get("--work")));
        device = DeviceName.parse(given.getOrDefault("--device", "cuda:0"), "--device");
        dtype = dtype(given.getOrDefault("--dtype", "bfloat16"));
        matmul = matmul(given.getOrDefault("--matmul", "native"));
        length = Integer.parseInt(given.getOrDefault("--seq-len", "2048"));
        steps = Integer.parseInt(given.getOrDefault("--steps", "8"));
        int minutes = Integer.parseInt(given.getOrDefault("--run-minutes", "60"));
        runs = new TuneRun(List.of(given.get("--millrace")), device, work, minutes);
    }

    private void requireKnown() {
        for (String option : given.keySet()) {
            if (!OPTIONS.contains(option)) {
                throw new BadInputException(
                        option, "is no option", "known: " + String.join(", ", OPTIONS));
            }
        }
        for (String option : List.of("--work", "--millrace")) {
            if (!given.containsKey(option)) {
                throw new BadInputException(option, "is missing", "give it");
            }
        }
    }

    private static DType dtype(String name) {
        return DType.find(name)
                .filter(DType::isTrainable)
                .orElseThrow(() ->
                        new BadInputException(
                                "--dtype",
                                "'" + name + "' cannot hold weights that are tuned",
                                "give float32, bfloat16 or float16"));
    }

    private static Matmul matmul(String name) {
        return Arrays.stream(Matmul.values())
                .filter(one -> one.id().equals(name))
                .findFirst()
                .orElseThrow(() ->
                        new BadInputException(
                                "--matmul",
                                "'" + name + "' is unknown",
                                "give native, tf32 or fp8"));
    }

    /** Runs it; the answer is 1 where something failed, and 2 where nothing could begin. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Map<String, String> given = new LinkedHashMap<>();
        for (int i = 0; i + 1 < arguments.length; i += 2) {
            given.put(arguments[i], arguments[i + 1]);
        }
        try {
            if (!new GpuBenchmark(given).run()) {
                System.exit(1);
            }
        } catch (BadInputException e) {
            System.err.println("gpu benchmark: " + e.getMessage());
            System.exit(2);
        } catch (NumberFormatException e) {
            System.err.println("gpu benchmark: " + e.getMessage() + " where a number belongs");
            System.exit(2);
        }
    }

    private boolean run() throws IOException, InterruptedException {
        report.put("device", device.toString());
        report.put("sequence_length", length);
        report.put("dtype", dtype.torchName());
        report.put("matmul", matmul.id());
        report.put("runs", results);
        try (Device opened = Devices.open(device, Ledger.unlimited(), DeviceOptions.defaults())) {
            if (opened instanceof CudaDevice card) {
                report.put("card", card.facts().describe());
            }
            if (!opened.unifiedMemory()) {
                say("bare copies");
                report.put("bare_copies", new DeviceCopies(opened, 256L << 20, 8).measure());
            }
        } catch (OffloadException e) {
            report.put("bare_copies_error", e.getMessage());
            say("bare copies failed: " + e.getMessage());
        }
        save();
        List<String> models =
                List.of(
                        given.getOrDefault("--models", "opt-1.3b,opt-6.7b,opt-13b,opt-30b")
                                .split(",", -1));
        // What ZO2's page names for its own runs, less what a context takes beside a budget.
        List<String> budgets =
                List.of(
                        given.getOrDefault("--budgets", "3200MB,4400MB,5600MB,8200MB")
                                .split(",", -1));
        for (int i = 0; i < models.size(); i++) {
            String name = models.get(i);
            try {
                model(name, budgets.get(Math.min(i, budgets.size() - 1)));
            } catch (IOException | RuntimeException e) {
                // The one place that catches: the other models are worth their own try.
                failed(name, e.toString());
            }
        }
        System.out.println(GpuTable.of(report));
        System.out.println("written: " + work.resolve("gpu.json"));
        return !report.containsKey("bare_copies_error")
                && results.stream().noneMatch(result -> result.containsKey("error"));
    }

    private void failed(String name, String why) throws IOException {
        say(name + " failed: " + why);
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("model", name);
        result.put("error", why);
        results.add(result);
        save();
    }

    private void model(String name, String budget) throws IOException, InterruptedException {
        Path model = work.resolve(name + "-" + dtype.torchName());
        boolean makes = !Files.exists(model.resolve("config.json"));
        if (makes && !synthesize(name, model)) {
            return;
        }
        try {
            batches(name, model, budget);
        } finally {
            if (makes && !given.containsKey("--keep-models")) {
                Folders.delete(model);
            }
        }
    }

    /** Batch 1, and larger ones until transfers hide. */
    private void batches(String name, Path model, String budget)
            throws IOException, InterruptedException {
        OptShape shape = OptShape.of(model);
        int largest = Integer.parseInt(given.getOrDefault("--largest-batch", "32"));
        Path rows =
                TuneRun.writeRows(work.resolve("rows.jsonl"), largest, length, shape.vocabulary());
        double gemm = gemmSeconds(name, shape);
        for (int batch = 1; batch <= largest; batch *= 2) {
            say(name + ", batch " + batch + " x " + length);
            List<String> options =
                    new ArrayList<>(List.of("--seq-len=" + length, "--matmul=" + matmul.id()));
            if (!device.kind().unifiedMemory()) {
                options.add("--device-budget=" + budget);
            }
            if (given.containsKey("--host-budget")) {
                options.add("--host-budget=" + given.get("--host-budget"));
                options.add("--nvme-dir=" + work.resolve("nvme"));
            }
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("model", name);
            result.put("batch", batch);
            result.put("device_budget_bytes", ByteSize.parse(budget));
            result.putAll(runs.run(model, rows, steps, batch, options));
            derive(result, gemm * batch);
            results.add(result);
            save();
            boolean failed = !result.get("exit").equals(0);
            if (failed || ((Number) result.get("hidden_transfer")).doubleValue() >= HIDDEN) {
                break;
            }
        }
    }

    private boolean synthesize(String name, Path model) throws IOException, InterruptedException {
        say("making " + name);
        Folders.delete(model); // of a run that was ended while it made it
        Process process =
                new ProcessBuilder(
                                given.get("--millrace"),
                                "synth",
                                "--arch=" + name,
                                "--dtype=" + dtype.torchName(),
                                "--out=" + model)
                        .redirectErrorStream(true)
                        .redirectOutput(work.resolve("synth.log").toFile())
                        .start();
        if (process.waitFor() == 0) {
            return true;
        }
        List<String> lines = Files.readAllLines(work.resolve("synth.log"));
        Folders.delete(model);
        failed(name, "synth: " + (lines.isEmpty() ? "" : lines.getLast()));
        return false;
    }

    /** Seconds of one row's products at the library's best; not a number where none can be told. */
    private double gemmSeconds(String name, OptShape shape) {
        try (Device opened = Devices.open(device, Ledger.unlimited(), DeviceOptions.defaults())) {
            if (!(opened instanceof CudaDevice card)) {
                return Double.NaN;
            }
            try (GemmRate rate = new GemmRate(card, dtype, matmul)) {
                return rate.stepSeconds(shape, length);
            }
        } catch (OffloadException e) {
            say("products of " + name + " failed alone: " + e.getMessage());
            return Double.NaN;
        }
    }

    @SuppressWarnings("unchecked")
    private void derive(Map<String, Object> result, double gemmSeconds) {
        if (!result.containsKey("step_seconds")) {
            return;
        }
        if (!Double.isNaN(gemmSeconds)) {
            double step = ((Number) result.get("step_seconds")).doubleValue();
            result.put("gemm_share", gemmSeconds / step);
        }
        Map<String, Object> bare = (Map<String, Object>) report.get("bare_copies");
        for (String lane : List.of("h2d", "d2h")) {
            Object rate = result.get(lane + "_bytes_per_second");
            if (bare != null && rate != null) {
                double alone = ((Number) bare.get(lane + "_bytes_per_second")).doubleValue();
                result.put(lane + "_share_of_bare", ((Number) rate).doubleValue() / alone);
            }
        }
    }

    private void save() throws IOException {
        Files.writeString(work.resolve("gpu.json"), Json.writePretty(report));
    }

    private static void say(String what) {
        System.err.printf(Locale.ROOT, "%tT %s%n", System.currentTimeMillis(), what);
    }
}
