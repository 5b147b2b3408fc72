package io.millrace.telemetry.track;

import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/**
 * The calls of MLflow's REST API (2.0) that a run needs. Its own client for Java brings some thirty
 * jars, and two logging frameworks, for these six.
 */
final class MlflowApi implements AutoCloseable {
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);
    private static final Duration ANSWER_LIMIT = Duration.ofSeconds(20);
    private static final int TRIES = 3;
    private static final long PAUSE_NS = 300_000_000;
    private static final int NOT_FOUND = 404;
    private static final int TOO_MANY = 429;
    private static final int FIRST_OF_SERVER = 500;

    private final String root;
    private final HttpClient client = HttpClient.newBuilder().connectTimeout(CONNECT_LIMIT).build();

    /** A server by its address, such as {@code http://localhost:5000}. */
    MlflowApi(URI server) {
        root = server.toString().replaceAll("/+$", "") + "/api/2.0/mlflow/";
    }

    /** The id of an experiment, made where there is none of the name. */
    String experiment(String name) throws IOException, InterruptedException {
        String query = "?experiment_name=" + URLEncoder.encode(name, StandardCharsets.UTF_8);
        Optional<JsonObject> found = call("GET", "experiments/get-by-name" + query, null);
        if (found.isPresent()) {
            return found.get().object("experiment").string("experiment_id");
        }
        return post("experiments/create", Map.of("name", name)).string("experiment_id");
    }

    /** Begins a run and says its id. */
    String createRun(String experiment, String name, long startMillis)
            throws IOException, InterruptedException {
        Map<String, Object> body =
                Map.of(
                        "experiment_id", experiment,
                        "run_name", name,
                        "start_time", startMillis,
                        "tags", List.of(Map.of("key", "mlflow.runName", "value", name)));
        return post("runs/create", body).object("run").object("info").string("run_id");
    }

    /** What the server has of a run; empty where it knows none of the id. */
    Optional<JsonObject> run(String id) throws IOException, InterruptedException {
        String query = "?run_id=" + URLEncoder.encode(id, StandardCharsets.UTF_8);
        return call("GET", "runs/get" + query, null).map(answer -> answer.object("run"));
    }

    /** Logs metrics, or parameters. */
    void logBatch(String id, String kind, List<Map<String, Object>> entries)
            throws IOException, InterruptedException {
        post("runs/log-batch", Map.of("run_id", id, kind, entries));
    }

    /** Sets the state of a run. */
    void update(String id, Map<String, Object> state) throws IOException, InterruptedException {
        Map<String, Object> body = new LinkedHashMap<>(state);
        body.put("run_id", id);
        post("runs/update", body);
    }

    private JsonObject post(String path, Map<String, Object> body)
            throws IOException, InterruptedException {
        return call("POST", path, body)
                .orElseThrow(() -> new IOException(root + path + " is not there (404)"));
    }

    /** The answer; empty for one that says that there is no such thing. */
    private Optional<JsonObject> call(String method, String path, Map<String, Object> body)
            throws IOException, InterruptedException {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(root + path))
                        .timeout(ANSWER_LIMIT)
                        .header("Content-Type", "application/json")
                        .method(
                                method,
                                body == null
                                        ? HttpRequest.BodyPublishers.noBody()
                                        : HttpRequest.BodyPublishers.ofString(Json.write(body)))
                        .build();
        HttpResponse<String> answer = answered(request);
        if (answer.statusCode() == NOT_FOUND) {
            return Optional.empty();
        }
        if (answer.statusCode() >= 300) {
            throw new IOException(
                    root + path + " answered " + answer.statusCode() + ": " + brief(answer.body()));
        }
        try {
            return Optional.of(Json.parseObject(answer.body()));
        } catch (JsonFormatException e) {
            throw new IOException(root + path + " answered with no JSON: " + e.getMessage(), e);
        }
    }

    /** Asks again where a server is busy or restarts. */
    private HttpResponse<String> answered(HttpRequest request)
            throws IOException, InterruptedException {
        for (int tried = 1; ; tried++) {
            try {
                HttpResponse<String> answer =
                        client.send(request, HttpResponse.BodyHandlers.ofString());
                boolean passing =
                        answer.statusCode() >= FIRST_OF_SERVER || answer.statusCode() == TOO_MANY;
                if (!passing || tried == TRIES) {
                    return answer;
                }
            } catch (IOException e) {
                if (tried == TRIES) {
                    String said = e.getMessage() == null ? "no answer" : e.getMessage();
                    throw new IOException(root + ": " + said, e);
                }
            }
            LockSupport.parkNanos(tried * PAUSE_NS);
        }
    }

    private static String brief(String body) {
        String line = body.strip().replaceAll("\\s+", " ");
        return line.length() <= 200 ? line : line.substring(0, 200) + " ...";
    }

    @Override
    public void close() {
        client.shutdownNow();
    }
}
