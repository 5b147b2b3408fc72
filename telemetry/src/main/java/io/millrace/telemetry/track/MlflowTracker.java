package io.millrace.telemetry.track;

import io.millrace.telemetry.EvalMetrics;
import io.millrace.telemetry.StepMetrics;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;

/**
 * A run of an MLflow server. A thread of its own talks to the server, so that a slow one keeps no
 * step waiting; {@code mlflow.json} in the run's folder says which run it is, for a run that goes
 * on.
 */
final class MlflowTracker implements Tracker {
    private static final int BATCH = 1000; // the most that the server takes
    private static final int PARAMS = 100;
    private static final int PARAM_CHARS = 500;
    private static final Duration END_LIMIT = Duration.ofSeconds(20);

    private final TrackRequest request;
    private final Consumer<String> failed;
    private final BlockingQueue<Entry> queue = new LinkedBlockingQueue<>();
    private final Thread sender;
    private final Map<String, Long> lastSteps = new HashMap<>(); // the sender's
    private volatile boolean over;
    private RunEnd end = RunEnd.FAILED;

    private MlflowTracker(TrackRequest request, Consumer<String> failed) {
        this.request = request;
        this.failed = failed;
        sender = Thread.ofPlatform().daemon().name("mlflow").unstarted(this::send);
    }

    /**
     * Figures of a step, or the end.
     *
     * @param scalars null at the end
     */
    private record Entry(long step, long millis, Map<String, Double> scalars) {}

    static MlflowTracker open(TrackRequest request, Consumer<String> failed) {
        MlflowTracker tracker = new MlflowTracker(request, failed);
        tracker.sender.start();
        return tracker;
    }

    @Override
    public void step(StepMetrics metrics) {
        add(metrics.step(), TrackedScalars.of(metrics));
    }

    @Override
    public void evaluation(EvalMetrics metrics) {
        add(metrics.step(), TrackedScalars.of(metrics));
    }

    private void add(long step, Map<String, Double> scalars) {
        if (!over) {
            queue.add(new Entry(step, System.currentTimeMillis(), scalars));
        }
    }

    @Override
    public void ended(RunEnd how) {
        end = how;
    }

    private void send() {
        try (MlflowApi api = new MlflowApi(request.server())) {
            String run = begun(api);
            List<Map<String, Object>> metrics = new ArrayList<>();
            for (Entry entry = queue.take(); entry.scalars() != null; entry = queue.take()) {
                addTo(metrics, entry);
                if (queue.isEmpty() || metrics.size() >= BATCH / 2) {
                    api.logBatch(run, "metrics", metrics);
                    metrics.clear();
                }
            }
            if (!metrics.isEmpty()) {
                api.logBatch(run, "metrics", metrics);
            }
            api.update(run, Map.of("status", status(), "end_time", System.currentTimeMillis()));
        } catch (IOException | RuntimeException e) {
            failed.accept(e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage());
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
        } finally {
            over = true;
            queue.clear();
        }
    }

    private String status() {
        return switch (end) {
            case DONE -> "FINISHED";
            case INTERRUPTED -> "KILLED";
            case FAILED -> "FAILED";
        };
    }

    /** What the server has already is not told again. */
    private void addTo(List<Map<String, Object>> metrics, Entry entry) {
        entry.scalars()
                .forEach((key, value) -> {
                    if (Double.isFinite(value) && entry.step() > lastSteps.getOrDefault(key, -1L)) {
                        metrics.add(
                                Map.of(
                                        "key",
                                        key,
                                        "value",
                                        value,
                                        "timestamp",
                                        entry.millis(),
                                        "step",
                                        entry.step()));
                    }
                });
    }

    /** The run on the server: the one that the folder names, or a new one. */
    private String begun(MlflowApi api) throws IOException, InterruptedException {
        Path record = request.folder().resolve("mlflow.json");
        Optional<String> before = known(record);
        if (before.isPresent()) {
            Optional<JsonObject> there = api.run(before.get());
            if (there.isPresent()) {
                readLastSteps(there.get());
                api.update(before.get(), Map.of("status", "RUNNING"));
                return before.get();
            }
        }
        String experiment = api.experiment(request.experiment());
        String name = request.folder().toAbsolutePath().normalize().getFileName().toString();
        String run = api.createRun(experiment, name, System.currentTimeMillis());
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("server", request.server().toString());
        fields.put("experiment", request.experiment());
        fields.put("run_id", run);
        Files.writeString(record, Json.writePretty(fields));
        logOptions(api, run);
        return run;
    }

    private Optional<String> known(Path record) throws IOException {
        if (!Files.exists(record)) {
            return Optional.empty();
        }
        try {
            JsonObject fields = Json.parseObject(Files.readString(record));
            return fields.string("server").equals(request.server().toString())
                    ? Optional.of(fields.string("run_id"))
                    : Optional.empty();
        } catch (JsonFormatException _) {
            return Optional.empty(); // cut off by a crash: the run gets another
        }
    }

    private void readLastSteps(JsonObject run) {
        JsonObject data = run.object("data");
        for (Object entry : data.has("metrics") ? data.array("metrics") : List.of()) {
            JsonObject metric = JsonObject.of((Map<?, ?>) entry);
            lastSteps.put(metric.string("key"), Long.parseLong(String.valueOf(metric.raw("step"))));
        }
    }

    private void logOptions(MlflowApi api, String run) throws IOException, InterruptedException {
        List<Map<String, Object>> params = new ArrayList<>();
        request.options()
                .forEach((name, value) -> {
                    String text = String.valueOf(value);
                    params.add(
                            Map.of(
                                    "key",
                                    name,
                                    "value",
                                    text.substring(0, Math.min(PARAM_CHARS, text.length()))));
                });
        for (int from = 0; from < params.size(); from += PARAMS) {
            List<Map<String, Object>> part =
                    params.subList(from, Math.min(from + PARAMS, params.size()));
            api.logBatch(run, "params", part);
        }
    }

    @Override
    public void close() throws IOException {
        queue.add(new Entry(0, 0, null));
        try {
            if (!sender.join(END_LIMIT)) {
                sender.interrupt();
                throw new IOException(
                        request.server()
                                + " did not take the rest in "
                                + END_LIMIT.toSeconds()
                                + " s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted before " + request.server() + " had the rest", e);
        }
    }
}
