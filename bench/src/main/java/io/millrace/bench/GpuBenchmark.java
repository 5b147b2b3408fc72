package io.millrace.bench;

import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.DType;
import io.millrace.memory.Ledger;
import io.millrace.memory.Matmul;
import io.millrace.memory.device.CudaDevice;
import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceOptions;
import io.millrace.memory.device.Devices;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What a card does with Millrace: bare copies, then whole runs at batch 1 and at the batch where
 * the transfers hide. Writes {@code gpu.json} after each run, so that what was measured is kept
 * when a later run fails, and a table.
 *
 * <pre>
 *   GpuBenchmark --millrace COMMAND --work FOLDER [--device NAME] [--models A,B] [--budgets X,Y]
 *                [--seq-len T] [--steps N] [--largest-batch B] [--host-budget SIZE] [--dtype D]
 * </pre>
 */
public final class GpuBenchmark {
    // What hides is given up on above this share.
    private static final double HIDDEN = 0.98;

    private final Map<String, String> given;
    private final Path work;
    private final String device;
    private final DType dtype;
    private final int length;
    private final int steps;
    private final TuneRun runs;
    private final Map<String, Object> report = new LinkedHashMap<>();
    private final List<Map<String, Object>> results = new ArrayList<>();

    private GpuBenchmark(Map<String, String> given) throws IOException {
        this.given = given;
        work = Files.createDirectories(Path.of(given.get("--work")));
        device = given.getOrDefault("--device", "cuda:0");
        dtype = dtype(given.getOrDefault("--dtype", "bfloat16"));
        length = Integer.parseInt(given.getOrDefault("--seq-len", "2048"));
        steps = Integer.parseInt(given.getOrDefault("--steps", "8"));
        runs = new TuneRun(List.of(given.get("--millrace")), device, work);
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

    /** Runs it; the answer is 2 where the device cannot be opened, and says why. */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        Map<String, String> given = new LinkedHashMap<>();
        for (int i = 0; i + 1 < arguments.length; i += 2) {
            given.put(arguments[i], arguments[i + 1]);
        }
        try {
            new GpuBenchmark(given).run();
        } catch (BadInputException e) {
            System.err.println("gpu benchmark: " + e.getMessage());
            System.exit(2);
        }
    }

    private void run() throws IOException, InterruptedException {
        report.put("device", device);
        report.put("sequence_length", length);
        try (Device opened = Devices.open(device, Ledger.unlimited(), DeviceOptions.defaults())) {
            if (opened instanceof CudaDevice card) {
                report.put("card", card.facts().describe());
            }
            if (!opened.unifiedMemory()) {
                report.put("bare_copies", new DeviceCopies(opened, 256L << 20, 8).measure());
            }
        }
        report.put("runs", results);
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
            model(models.get(i), budgets.get(Math.min(i, budgets.size() - 1)));
        }
        System.out.println(GpuTable.of(report));
        System.out.println("written: " + work.resolve("gpu.json"));
    }

    private void model(String name, String budget) throws IOException, InterruptedException {
        Path model = work.resolve(name);
        if (!Files.exists(model.resolve("config.json")) && !synthesize(name, model)) {
            return;
        }
        ModelShape shape = ModelShape.of(model);
        Path rows = TuneRun.writeRows(work.resolve("rows.jsonl"), 32, length, shape.vocabulary());
        int largest = Integer.parseInt(given.getOrDefault("--largest-batch", "32"));
        double gemm = gemmSeconds(shape);
        for (int batch = 1; batch <= largest; batch *= 2) {
            say(name + ", batch " + batch + " x " + length);
            List<String> options = new ArrayList<>(List.of("--seq-len=" + length));
            if (!device.equals("cpu")) {
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
        if (!given.containsKey("--keep-models")) {
            Folders.delete(model);
        }
    }

    private boolean synthesize(String name, Path model) throws IOException, InterruptedException {
        say("making " + name);
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
        results.add(
                Map.of(
                        "model",
                        name,
                        "exit",
                        process.exitValue(),
                        "error",
                        lines.isEmpty() ? "" : lines.getLast()));
        save();
        return false;
    }

    /** Seconds of one row's products at the library's best; not a number where none can be told. */
    private double gemmSeconds(ModelShape shape) {
        try (Device opened = Devices.open(device, Ledger.unlimited(), DeviceOptions.defaults())) {
            if (!(opened instanceof CudaDevice card)) {
                return Double.NaN;
            }
            try (GemmRate rate = new GemmRate(card, dtype, Matmul.NATIVE)) {
                return rate.stepSeconds(shape, length);
            }
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
