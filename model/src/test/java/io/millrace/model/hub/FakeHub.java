package io.millrace.model.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Executors;

/**
 * Speaks as the hub does: {@code /api/models}, {@code resolve} with hashes in headers, large files
 * redirected to another server, and what {@link FakeUploads} takes. It can be made to fail in the
 * ways of networks.
 */
final class FakeHub implements AutoCloseable {
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    final List<String> requests = Collections.synchronizedList(new ArrayList<>());
    final Map<String, byte[]> files = new TreeMap<>();
    final Map<String, String> etags = new HashMap<>();
    String model = "org/tiny";
    String commit = COMMIT;
    Optional<String> token = Optional.empty();
    Optional<String> error = Optional.empty();
    int errorStatus;

    /** Bytes after which a connection of a large file is cut, one connection after the other. */
    final List<Integer> cuts = Collections.synchronizedList(new ArrayList<>());

    boolean ranges = true;
    boolean stalls;
    String renamedTo = "";

    final FakeUploads uploads = new FakeUploads(this);

    private final HttpServer hub;
    private final HttpServer store;

    FakeHub() throws IOException {
        this(0);
    }

    /** A hub at a port, or at any that is free. */
    FakeHub(int port) throws IOException {
        hub = start(port, this::answer);
        store = start(0, this::give);
    }

    private interface Answer {
        void to(HttpExchange exchange) throws IOException;
    }

    private HttpServer start(int port, Answer answer) throws IOException {
        HttpServer server =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext(
                "/",
                exchange -> {
                    try (exchange) {
                        requests.add(
                                exchange.getRequestMethod()
                                        + " "
                                        + exchange.getRequestURI()
                                        + (exchange.getRequestHeaders().containsKey("Authorization")
                                                ? " with a token"
                                                : ""));
                        answer.to(exchange);
                    }
                });
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.start();
        return server;
    }

    URI endpoint() {
        return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
    }

    /** Where large files are. */
    String storeAddress() {
        return "http://127.0.0.1:" + store.getAddress().getPort();
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        boolean allowed =
                token.isEmpty()
                        || path.startsWith("/complete/") // its address was given to who has one
                        || ("Bearer " + token.get())
                                .equals(exchange.getRequestHeaders().getFirst("Authorization"));
        if (errorStatus != 0 || !allowed) {
            error.ifPresent(code -> exchange.getResponseHeaders().set("X-Error-Code", code));
            send(exchange, errorStatus != 0 ? errorStatus : 401, "{\"error\":\"no\"}");
        } else if (uploads.takes(exchange)) {
            uploads.answer(exchange);
        } else if (path.startsWith("/api/models/" + model + "/revision/")) {
            List<Map<String, String>> siblings =
                    files.keySet().stream().map(name -> Map.of("rfilename", name)).toList();
            send(exchange, 200, Json.write(Map.of("sha", commit, "siblings", siblings)));
        } else if (!renamedTo.isEmpty() && path.startsWith("/" + model + "/resolve/")) {
            exchange.getResponseHeaders()
                    .set("Location", path.replace("/" + model + "/", "/" + renamedTo + "/"));
            exchange.sendResponseHeaders(307, -1);
        } else if (path.contains("/resolve/" + commit + "/")) {
            resolve(exchange, path.substring(path.lastIndexOf('/') + 1));
        } else {
            send(exchange, 404, "{}");
        }
    }

    private void resolve(HttpExchange exchange, String name) throws IOException {
        byte[] bytes = files.get(name);
        if (bytes == null) {
            send(exchange, 404, "{}");
            return;
        }
        boolean large = name.endsWith(".safetensors") || name.endsWith(".bin");
        String etag = etags.getOrDefault(name, large ? sha256(bytes) : gitHash(bytes));
        if (large) {
            exchange.getResponseHeaders().set("ETag", "\"of-the-redirect\"");
            exchange.getResponseHeaders().set("X-Linked-Etag", '"' + etag + '"');
            exchange.getResponseHeaders().set("X-Linked-Size", Integer.toString(bytes.length));
            exchange.getResponseHeaders().set("Location", storeAddress() + "/" + name);
            exchange.sendResponseHeaders(302, -1);
            return;
        }
        exchange.getResponseHeaders().set("ETag", "W/\"" + etag + '"');
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", Integer.toString(bytes.length));
            exchange.sendResponseHeaders(200, -1);
        } else {
            exchange.sendResponseHeaders(200, bytes.length == 0 ? -1 : bytes.length);
            exchange.getResponseBody().write(bytes);
        }
    }

    private void give(HttpExchange exchange) throws IOException {
        if (exchange.getRequestMethod().equals("PUT")) {
            uploads.store(exchange);
            return;
        }
        byte[] bytes = files.get(exchange.getRequestURI().getPath().substring(1));
        String range = exchange.getRequestHeaders().getFirst("Range");
        int from = 0;
        if (range != null && ranges) {
            from = Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
            exchange.getResponseHeaders()
                    .set(
                            "Content-Range",
                            "bytes " + from + "-" + (bytes.length - 1) + "/" + bytes.length);
        }
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, bytes.length - from);
        int end = cuts.isEmpty() ? bytes.length : Math.min(bytes.length, from + cuts.removeFirst());
        OutputStream body = exchange.getResponseBody();
        body.write(bytes, from, end - from);
        body.flush();
        if (stalls && end < bytes.length) {
            pauseForTheClient();
        }
    }

    static void pauseForTheClient() {
        try {
            Thread.sleep(2000); // longer than the patience of any test
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    static void send(HttpExchange exchange, int status, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        boolean head = exchange.getRequestMethod().equals("HEAD");
        exchange.sendResponseHeaders(status, head ? -1 : bytes.length);
        if (!head) {
            exchange.getResponseBody().write(bytes);
        }
    }

    static String sha256(byte[] bytes) {
        return hex("SHA-256", bytes);
    }

    static String gitHash(byte[] bytes) {
        byte[] head = ("blob " + bytes.length + "\0").getBytes(StandardCharsets.US_ASCII);
        byte[] whole = Arrays.copyOf(head, head.length + bytes.length);
        System.arraycopy(bytes, 0, whole, head.length, bytes.length);
        return hex("SHA-1", whole);
    }

    static String hex(String algorithm, byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        hub.stop(0);
        store.stop(0);
    }
}
