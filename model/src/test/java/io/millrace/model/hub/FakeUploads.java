package io.millrace.model.hub;

import com.sun.net.httpserver.HttpExchange;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What a hub takes: repositories that are made, git-lfs's protocol with the hub's transfer in
 * parts, and commits, which become the files that {@link FakeHub} gives.
 */
final class FakeUploads {
    /** Large contents by SHA-256. */
    final Map<String, byte[]> objects = new ConcurrentHashMap<>();

    /** The names of files of each commit, the ones with bytes first. */
    final List<Set<String>> commits = Collections.synchronizedList(new ArrayList<>());

    final Set<String> branches = new TreeSet<>(Set.of("main"));
    final Set<String> ignored = new TreeSet<>();

    /** Statuses of the next answers to a request whose method and address begin so. */
    final Map<String, List<Integer>> failures = new LinkedHashMap<>();

    /** Those of what came whole. */
    final Map<String, List<String>> headers = new ConcurrentHashMap<>();

    /** Where large contents are to go, if not to the other server. */
    String hrefs = "";

    boolean exists;
    boolean hidden;
    boolean mayMake = true;
    boolean mayWrite = true;
    boolean stalls;
    int partBytes;

    private final FakeHub hub;
    private final Map<String, Map<Integer, byte[]>> parts = new HashMap<>();

    FakeUploads(FakeHub hub) {
        this.hub = hub;
    }

    boolean takes(HttpExchange exchange) {
        String path = exchange.getRequestURI().getPath();
        return exchange.getRequestMethod().equals("POST")
                || path.equals("/api/models/" + hub.model);
    }

    void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        byte[] body = exchange.getRequestBody().readAllBytes();
        String repository = "/api/models/" + hub.model;
        if (failed(exchange)) {
            return;
        }
        if (path.equals("/api/repos/create")) {
            make(exchange, json(body));
        } else if (!exists) {
            FakeHub.send(exchange, 404, "{\"error\":\"Repository not found\"}");
        } else if (path.equals(repository)) {
            FakeHub.send(exchange, 200, Json.write(Map.of("private", hidden, "sha", hub.commit)));
        } else if (!mayWrite) {
            FakeHub.send(exchange, 403, "{\"error\":\"Forbidden:\\n you must write\"}");
        } else if (path.startsWith(repository + "/branch/")) {
            boolean fresh = branches.add(name(path));
            FakeHub.send(exchange, fresh ? 201 : 409, "{\"error\":\"Reference exists\"}");
        } else if (path.startsWith(repository + "/preupload/") && branches.contains(name(path))) {
            FakeHub.send(exchange, 200, Json.write(Map.of("files", ways(json(body)))));
        } else if (path.equals("/" + hub.model + ".git/info/lfs/objects/batch")) {
            FakeHub.send(exchange, 200, Json.write(Map.of("objects", actions(json(body)))));
        } else if (path.startsWith("/complete/")) {
            complete(exchange, json(body));
        } else if (path.equals("/verify")) {
            JsonObject told = json(body);
            byte[] bytes = objects.get(told.string("oid"));
            boolean right = bytes != null && bytes.length == told.integer("size");
            FakeHub.send(exchange, right ? 200 : 422, "{\"message\":\"not as it should be\"}");
        } else if (path.startsWith(repository + "/commit/") && branches.contains(name(path))) {
            commit(exchange, body);
        } else {
            FakeHub.send(exchange, 404, "{\"error\":\"Invalid rev id\"}");
        }
    }

    private boolean failed(HttpExchange exchange) throws IOException {
        String request = exchange.getRequestMethod() + " " + exchange.getRequestURI();
        for (Map.Entry<String, List<Integer>> failure : failures.entrySet()) {
            if (request.startsWith(failure.getKey()) && !failure.getValue().isEmpty()) {
                body(exchange); // an answer that comes before it may be lost
                FakeHub.send(exchange, failure.getValue().removeFirst(), "{\"error\":\"not now\"}");
                return true;
            }
        }
        return false;
    }

    private static JsonObject json(byte[] body) {
        return Json.parseObject(new String(body, StandardCharsets.UTF_8));
    }

    private static String name(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    private void make(HttpExchange exchange, JsonObject wanted) throws IOException {
        if (!mayMake) {
            FakeHub.send(
                    exchange, 403, "{\"error\":\"You don't have the rights to make a model\"}");
        } else if (exists) {
            FakeHub.send(exchange, 409, "{\"error\":\"You already created this model repo\"}");
        } else {
            exists = true;
            hidden = wanted.string("visibility", "public").equals("private");
            FakeHub.send(
                    exchange,
                    200,
                    Json.write(Map.of("url", hub.endpoint() + "/" + hub.model, "name", hub.model)));
        }
    }

    /** Text is kept in git, all else beside it. */
    private List<Map<String, Object>> ways(JsonObject asked) {
        List<Map<String, Object>> ways = new ArrayList<>();
        for (Object one : asked.array("files")) {
            JsonObject file = JsonObject.of((Map<?, ?>) one);
            String name = file.string("path");
            byte[] sample = Base64.getDecoder().decode(file.string("sample"));
            boolean text = new String(sample, StandardCharsets.UTF_8).indexOf(0) < 0;
            Map<String, Object> way = new LinkedHashMap<>();
            way.put("path", name);
            way.put("uploadMode", text ? "regular" : "lfs");
            way.put("shouldIgnore", ignored.contains(name));
            byte[] there = hub.files.get(name);
            if (there != null) {
                way.put("oid", text ? FakeHub.gitHash(there) : FakeHub.sha256(there));
            }
            ways.add(way);
        }
        return ways;
    }

    private List<Map<String, Object>> actions(JsonObject asked) {
        List<Map<String, Object>> answers = new ArrayList<>();
        for (Object one : asked.array("objects")) {
            JsonObject object = JsonObject.of((Map<?, ?>) one);
            String oid = object.string("oid");
            Map<String, Object> answer = new LinkedHashMap<>(object.fields());
            if (!objects.containsKey(oid)) {
                String to = hrefs.isEmpty() ? hub.storeAddress() : hrefs;
                Map<String, Object> upload = new LinkedHashMap<>();
                upload.put("href", to + "/whole/" + oid);
                upload.put("header", Map.of("X-From-The-Hub", "yes", "Content-Length", "9"));
                if (partBytes > 0) {
                    Map<String, Object> header = new TreeMap<>();
                    header.put("chunk_size", Integer.toString(partBytes));
                    long count = Math.ceilDiv(object.integer("size"), partBytes);
                    for (int part = 1; part <= count; part++) {
                        header.put(
                                String.format("%05d", part),
                                hub.storeAddress() + "/part/" + oid + "/" + part);
                    }
                    upload.put("href", hub.endpoint() + "/complete/" + oid);
                    upload.put("header", header);
                }
                answer.put(
                        "actions",
                        Map.of(
                                "upload",
                                upload,
                                "verify",
                                Map.of("href", hub.endpoint() + "/verify")));
            }
            answers.add(answer);
        }
        return answers;
    }

    /** Takes a large content, or a part of one, as the other server. */
    void store(HttpExchange exchange) throws IOException {
        if (failed(exchange)) {
            return;
        }
        if (stalls) {
            FakeHub.pauseForTheClient();
            return;
        }
        byte[] bytes = body(exchange);
        String[] path = exchange.getRequestURI().getPath().split("/", -1);
        if (path[1].equals("part")) {
            parts.computeIfAbsent(path[2], _ -> new TreeMap<>())
                    .put(Integer.parseInt(path[3]), bytes);
            exchange.getResponseHeaders().set("ETag", '"' + FakeHub.sha256(bytes) + '"');
        } else if (path[2].equals(FakeHub.sha256(bytes))) {
            objects.put(path[2], bytes);
            headers.putAll(exchange.getRequestHeaders());
        } else {
            FakeHub.send(exchange, 400, "{}");
            return;
        }
        FakeHub.send(exchange, 200, "");
    }

    private static byte[] body(HttpExchange exchange) throws IOException {
        try (InputStream in = exchange.getRequestBody()) {
            return in.readAllBytes();
        }
    }

    private void complete(HttpExchange exchange, JsonObject told) throws IOException {
        String oid = told.string("oid");
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        boolean right = true;
        for (Object one : told.array("parts")) {
            JsonObject part = JsonObject.of((Map<?, ?>) one);
            byte[] bytes = parts.get(oid).get((int) part.integer("partNumber"));
            right &= part.string("etag").equals('"' + FakeHub.sha256(bytes) + '"');
            whole.writeBytes(bytes);
        }
        if (right && oid.equals(FakeHub.sha256(whole.toByteArray()))) {
            objects.put(oid, whole.toByteArray());
            FakeHub.send(exchange, 200, "{}");
        } else {
            FakeHub.send(exchange, 400, "{\"error\":\"parts are not the content\"}");
        }
    }

    private void commit(HttpExchange exchange, byte[] body) throws IOException {
        Map<String, byte[]> added = new TreeMap<>();
        for (String line : new String(body, StandardCharsets.UTF_8).split("\n", -1)) {
            if (line.isEmpty()) {
                continue;
            }
            JsonObject told = Json.parseObject(line);
            JsonObject value = told.object("value");
            switch (told.string("key")) {
                case "header" -> value.string("summary");
                case "file" ->
                        added.put(
                                value.string("path"),
                                Base64.getDecoder().decode(value.string("content")));
                case "lfsFile" -> added.put(value.string("path"), objects.get(value.string("oid")));
                default -> throw new IllegalStateException(line);
            }
        }
        hub.files.putAll(added);
        commits.add(added.keySet());
        FakeHub.send(
                exchange,
                200,
                Json.write(
                        Map.of(
                                "success",
                                true,
                                "commitOid",
                                hub.commit,
                                "commitUrl",
                                hub.endpoint() + "/" + hub.model + "/commit/x")));
    }
}
