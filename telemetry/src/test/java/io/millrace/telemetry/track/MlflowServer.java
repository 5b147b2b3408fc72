package io.millrace.telemetry.track;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Speaks the part of MLflow's REST API that a run uses, as its reference describes it. */
final class MlflowServer implements AutoCloseable {
    final Map<String, String> experiments = new LinkedHashMap<>();
    final Map<String, Run> runs = new LinkedHashMap<>();
    final List<String> calls = new ArrayList<>();
    volatile int failing; // that many answers are errors of the server
    private final HttpServer server;

    /** A run as the server keeps it. */
    static final class Run {
        final Map<String, Object> info = new LinkedHashMap<>();
        final Map<String, String> params = new LinkedHashMap<>();
        final Map<String, List<Long>> steps = new LinkedHashMap<>();
        final Map<String, Double> values = new LinkedHashMap<>();
    }

    MlflowServer() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/api/2.0/mlflow/", this::handle);
        server.start();
    }

    URI address() {
        return URI.create("http://localhost:" + server.getAddress().getPort() + "/");
    }

    private synchronized void handle(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath().substring("/api/2.0/mlflow/".length());
        calls.add(path);
        byte[] body = exchange.getRequestBody().readAllBytes();
        if (failing > 0) {
            failing--;
            answer(exchange, 503, Map.of("error_code", "TEMPORARILY_UNAVAILABLE"));
            return;
        }
        JsonObject fields =
                body.length == 0
                        ? new JsonObject(Map.of())
                        : Json.parseObject(new String(body, StandardCharsets.UTF_8));
        String query = exchange.getRequestURI().getRawQuery();
        String asked =
                query == null
                        ? ""
                        : URLDecoder.decode(
                                query.substring(query.indexOf('=') + 1), StandardCharsets.UTF_8);
        Map<String, Object> answer =
                switch (path) {
                    case "experiments/get-by-name" ->
                            experiments.containsKey(asked)
                                    ? Map.of("experiment", experiment(asked))
                                    : null;
                    case "experiments/create" -> {
                        String id = String.valueOf(experiments.size() + 1);
                        experiments.put(fields.string("name"), id);
                        yield Map.of("experiment_id", id);
                    }
                    case "runs/create" -> create(fields);
                    case "runs/get" -> runs.containsKey(asked) ? run(runs.get(asked)) : null;
                    case "runs/log-batch" -> log(fields);
                    case "runs/update" -> {
                        runs.get(fields.string("run_id")).info.putAll(fields.fields());
                        yield Map.of("run_info", Map.of());
                    }
                    default -> throw new IllegalStateException(path);
                };
        if (answer == null) {
            answer(exchange, 404, Map.of("error_code", "RESOURCE_DOES_NOT_EXIST"));
        } else {
            answer(exchange, 200, answer);
        }
    }

    private Map<String, Object> experiment(String name) {
        return Map.of("experiment_id", experiments.get(name), "name", name);
    }

    private Map<String, Object> create(JsonObject fields) {
        String id = "run" + (runs.size() + 1);
        Run run = new Run();
        run.info.putAll(fields.fields());
        run.info.put("run_id", id);
        run.info.put("status", "RUNNING");
        runs.put(id, run);
        return run(run);
    }

    private static Map<String, Object> run(Run run) {
        List<Object> metrics = new ArrayList<>();
        run.steps.forEach((key, steps) ->
                metrics.add(
                        Map.of("key", key, "value", run.values.get(key), "step", steps.getLast())));
        Map<String, Object> data = new LinkedHashMap<>();
        if (!metrics.isEmpty()) { // as the server's JSON has it: nothing is left out, not empty
            data.put("metrics", metrics);
        }
        return Map.of("run", Map.of("info", run.info, "data", data));
    }

    private Map<String, Object> log(JsonObject fields) {
        Run run = runs.get(fields.string("run_id"));
        List<?> metrics = fields.has("metrics") ? fields.array("metrics") : List.of();
        if (metrics.size() > 1000) {
            throw new IllegalStateException("more than the server takes");
        }
        for (Object entry : metrics) {
            JsonObject metric = JsonObject.of((Map<?, ?>) entry);
            metric.integer("timestamp");
            run.values.put(metric.string("key"), metric.number("value"));
            run.steps
                    .computeIfAbsent(metric.string("key"), _ -> new ArrayList<>())
                    .add(metric.integer("step"));
        }
        for (Object entry : fields.has("params") ? fields.array("params") : List.of()) {
            JsonObject param = JsonObject.of((Map<?, ?>) entry);
            run.params.put(param.string("key"), param.string("value"));
        }
        return Map.of();
    }

    private static void answer(HttpExchange exchange, int code, Map<String, Object> fields)
            throws IOException {
        byte[] body = Json.write(fields).getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(code, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
