package io.millrace.telemetry.report;

import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;

/** A headless Chromium through its driver's HTTP interface (W3C WebDriver), without a library. */
public final class Browser implements AutoCloseable {
    private static final String TWO_FRAMES =
            "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))";
    private static final Duration START_LIMIT = Duration.ofSeconds(20);

    private final Process driver;
    private final HttpClient client = HttpClient.newHttpClient();
    private final String root;
    private final String session;

    private Browser(Process driver, int port, Path profile) {
        this.driver = driver;
        root = "http://localhost:" + port;
        awaitDriver();
        Map<String, Object> options =
                Map.of(
                        "args",
                        List.of(
                                "--headless",
                                "--no-sandbox",
                                "--disable-gpu",
                                "--no-first-run",
                                "--disable-background-networking",
                                "--disable-component-update",
                                "--disable-sync",
                                "--window-size=1240,900",
                                "--user-data-dir=" + profile));
        Map<String, Object> wanted =
                Map.of(
                        "browserName",
                        "chrome",
                        "goog:chromeOptions",
                        options,
                        "goog:loggingPrefs",
                        Map.of("browser", "ALL"));
        JsonObject answer =
                call("POST", "/session", Map.of("capabilities", Map.of("alwaysMatch", wanted)));
        session = "/session/" + answer.object("value").string("sessionId");
    }

    /** The driver's program, where the machine has one. */
    public static Optional<Path> driver() {
        return Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":"))
                .map(folder -> Path.of(folder, "chromedriver"))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** Starts a browser with a new profile in a folder. */
    public static Browser start(Path program, Path folder) throws IOException {
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        Process driver =
                new ProcessBuilder(program.toString(), "--port=" + port)
                        .redirectErrorStream(true)
                        .redirectOutput(folder.resolve("driver.log").toFile())
                        .start();
        try {
            return new Browser(driver, port, folder.resolve("profile"));
        } catch (RuntimeException e) {
            driver.destroy();
            throw e;
        }
    }

    /** Opens a file, and waits until the page has drawn what it draws once its size is known. */
    public void open(Path page) {
        post("/url", Map.of("url", page.toUri().toString()));
        // Whoever watches sizes is called in a frame, and a page is loaded before its first one.
        post("/execute/async", Map.of("script", TWO_FRAMES, "args", List.of()));
    }

    /** Runs JavaScript and returns what it returns. */
    public Object run(String script) {
        return post("/execute/sync", Map.of("script", script, "args", List.of())).raw("value");
    }

    /** Shows pages as wide and as high, in CSS pixels. */
    public void size(int width, int height) {
        devTools(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
    }

    /** Shows pages as a person wants them: light or dark. */
    public void colorScheme(String scheme) {
        devTools(
                "Emulation.setEmulatedMedia",
                Map.of(
                        "features",
                        List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
    }

    /** Sends a key to what has the focus. */
    public void press(String key) {
        actions(
                Map.of(
                        "type",
                        "key",
                        "id",
                        "keys",
                        "actions",
                        List.of(
                                Map.of("type", "keyDown", "value", key),
                                Map.of("type", "keyUp", "value", key))));
    }

    /** Moves the mouse to a place of the window. */
    public void hover(long x, long y) {
        List<Object> moves = new ArrayList<>();
        moves.add(Map.of("type", "pointerMove", "duration", 0, "x", x - 1, "y", y));
        moves.add(Map.of("type", "pointerMove", "duration", 0, "x", x, "y", y));
        actions(Map.of("type", "pointer", "id", "mouse", "actions", moves));
    }

    private void actions(Map<String, Object> source) {
        post("/actions", Map.of("actions", List.of(source)));
    }

    /** What the page has said on the console since the last call. */
    public List<?> console() {
        return post("/se/log", Map.of("type", "browser")).array("value");
    }

    /** The whole page as a picture. */
    public byte[] picture() {
        JsonObject answer =
                devTools(
                        "Page.captureScreenshot",
                        Map.of("format", "png", "captureBeyondViewport", true));
        return Base64.getDecoder().decode(answer.object("value").string("data"));
    }

    private JsonObject devTools(String command, Map<String, Object> parameters) {
        return post("/goog/cdp/execute", Map.of("cmd", command, "params", parameters));
    }

    private JsonObject post(String path, Map<String, Object> body) {
        return call("POST", session + path, body);
    }

    private void awaitDriver() {
        long deadline = System.nanoTime() + START_LIMIT.toNanos();
        while (true) {
            try {
                if (call("GET", "/status", null).object("value").bool("ready", false)) {
                    return;
                }
            } catch (UncheckedIOException e) {
                if (System.nanoTime() > deadline || !driver.isAlive()) {
                    throw e;
                }
            }
            LockSupport.parkNanos(20_000_000);
        }
    }

    private JsonObject call(String method, String path, Map<String, Object> body) {
        HttpRequest.BodyPublisher publisher =
                body == null
                        ? HttpRequest.BodyPublishers.noBody()
                        : HttpRequest.BodyPublishers.ofString(Json.write(body));
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(root + path)).method(method, publisher).build();
        try {
            HttpResponse<String> answer =
                    client.send(request, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new IllegalStateException(path + ": " + answer.body());
            }
            return Json.parseObject(answer.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        try (client) {
            call("DELETE", session, null);
        } finally {
            driver.destroy();
        }
    }
}
