package io.millrace.bench;

import io.millrace.bench.program.Folders;
import io.millrace.bench.program.MemoryWatch;
import io.millrace.memory.device.DeviceName;
import io.millrace.telemetry.Lane;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.StringJoiner;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;

/**
 * One {@code millrace tune} in a process of its own, watched from outside, and what its
 * metrics.jsonl says of the steps after the first two.
 */
final class TuneRun {
    private static final int WARM_STEPS = 2;
    private static final int FIRST_ID = 4; // after the special ones of OPT and Llama

    private final List<String> millrace;
    private final DeviceName device;
    private final Path work;
    private final int minutes;

    /**
     * Runs of a device.
     *
     * @param millrace the command
     * @param work where a run's output goes; emptied before and after each
     * @param minutes that a run may take
     */
    TuneRun(List<String> millrace, DeviceName device, Path work, int minutes) {
        this.minutes = minutes;
        this.millrace = millrace;
        this.device = device;
        this.work = work;
    }

    /** Writes rows of random ids, all of them scored. */
    static Path writeRows(Path file, int rows, int length, int vocabulary) throws IOException {
        SplittableRandom random = new SplittableRandom(1);
        List<String> lines = new ArrayList<>();
        for (int row = 0; row < rows; row++) {
            StringJoiner ids = new StringJoiner(",", "[", "]");
            for (int i = 0; i < length; i++) {
                ids.add(Integer.toString(random.nextInt(FIRST_ID, vocabulary)));
            }
            lines.add("{\"input_ids\":" + ids + ",\"labels\":" + ids + "}");
        }
        return Files.write(file, lines);
    }

    /** Runs it; what failed is in the answer under {@code error}, in the command's own words. */
    Map<String, Object> run(Path model, Path rows, int steps, int batch, List<String> options)
            throws IOException, InterruptedException {
        Path out = work.resolve("out");
        Folders.delete(out);
        List<String> command = new ArrayList<>(millrace);
        command.addAll(
                List.of(
                        "tune",
                        "--model=" + model,
                        "--train=" + rows,
                        "--out=" + out,
                        "--device=" + device,
                        "--steps=" + steps,
                        "--batch-size=" + batch,
                        "--micro-batch=1",
                        "--lr=1e-7",
                        "--no-shuffle"));
        command.addAll(options);
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("command", String.join(" ", command));
        Path log = work.resolve("tune.log");
        OptionalLong resident = OptionalLong.empty();
        try (MemoryWatch watch = new MemoryWatch(device)) {
            Process process =
                    new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(log.toFile())
                            .start();
            long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(minutes);
            boolean late = false;
            while (!process.waitFor(200, TimeUnit.MILLISECONDS)) {
                if (!late && System.nanoTime() > end) {
                    late = true;
                    process.destroyForcibly();
                }
                OptionalLong now = MemoryWatch.peakResidentBytes(process.pid());
                resident = now.isPresent() ? now : resident;
            }
            result.put("exit", process.exitValue());
            watch.peakDeviceBytes().ifPresent(peak -> result.put("peak_device_bytes", peak));
            resident.ifPresent(peak -> result.put("peak_resident_bytes", peak));
            if (late) {
                result.put("error", "took longer than " + minutes + " minutes");
            } else if (process.exitValue() == 0) {
                result.putAll(figures(out.resolve("metrics.jsonl")));
            } else {
                List<String> lines = Files.readAllLines(log);
                result.put("error", lines.isEmpty() ? "" : lines.getLast());
            }
        }
        Folders.delete(out);
        return result;
    }

    /** Medians over the warm steps; of the step time also the least and the greatest. */
    static Map<String, Object> figures(Path metrics) throws IOException {
        List<JsonObject> steps =
                Files.readAllLines(metrics).stream()
                        .map(Json::parseObject)
                        .filter(line -> line.has("step_seconds"))
                        .toList();
        List<JsonObject> warm = steps.subList(Math.min(WARM_STEPS, steps.size() - 1), steps.size());
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("measured_steps", warm.size());
        result.put("step_seconds", median(warm, step -> step.number("step_seconds")));
        result.put("step_seconds_least", least(warm));
        result.put("step_seconds_greatest", greatest(warm));
        for (String name :
                List.of(
                        "tokens_per_second",
                        "hidden_transfer",
                        "exposed_transfer_seconds",
                        "compute_utilisation",
                        "pipeline_efficiency")) {
            result.put(name, median(warm, step -> step.number(name)));
        }
        result.put("bound_lane", warm.getLast().string("bound_lane"));
        for (Lane lane : Lane.values()) {
            if (warm.stream().allMatch(step -> bytes(step, lane) > 0)) {
                result.put(
                        lane.label() + "_bytes_per_second",
                        median(warm, step -> bytes(step, lane) / busySeconds(step, lane)));
            }
        }
        return result;
    }

    private static double least(List<JsonObject> steps) {
        return steps.stream().mapToDouble(step -> step.number("step_seconds")).min().orElseThrow();
    }

    private static double greatest(List<JsonObject> steps) {
        return steps.stream().mapToDouble(step -> step.number("step_seconds")).max().orElseThrow();
    }

    private static double median(List<JsonObject> steps, ToDoubleFunction<JsonObject> figure) {
        return DeviceCopies.median(steps.stream().mapToDouble(figure).toArray());
    }

    private static double bytes(JsonObject step, Lane lane) {
        JsonObject lanes = step.object("lanes");
        return lanes.has(lane.label()) ? lanes.object(lane.label()).number("bytes", 0) : 0;
    }

    private static double busySeconds(JsonObject step, Lane lane) {
        return step.object("lanes").object(lane.label()).number("busy_seconds");
    }
}
