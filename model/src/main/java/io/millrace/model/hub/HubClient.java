package io.millrace.model.hub;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Asks a hub. Redirects are followed by hand, for the token goes to the hub alone, and since what
 * the hub says of a large file stands in the redirect to where it is kept.
 */
final class HubClient implements AutoCloseable {
    private static final int MOST_REDIRECTS = 8;
    private static final int MAX_ANSWER_BYTES = 4 << 20;

    private final HubSettings settings;
    private final HttpClient http;

    HubClient(HubSettings settings) {
        this.settings = settings;
        this.http =
                HttpClient.newBuilder()
                        .followRedirects(HttpClient.Redirect.NEVER)
                        .connectTimeout(settings.patience().silence())
                        .build();
    }

    /** What a hub answers to {@code /api/models/…}. */
    JsonObject model(HubId id) throws IOException {
        URI address = address("/api/models/" + id.path() + "/revision/" + id.revision());
        HttpResponse<InputStream> answer = send(id, request("GET", address), response -> false);
        try (InputStream body = answer.body()) {
            byte[] bytes = body.readNBytes(MAX_ANSWER_BYTES + 1);
            if (bytes.length > MAX_ANSWER_BYTES) {
                throw bad(id, address + " answers with more than 4 MiB", "check HF_ENDPOINT");
            }
            return Json.parseObject(new String(bytes, StandardCharsets.UTF_8));
        } catch (JsonFormatException e) {
            throw bad(
                    id,
                    address + " answers what is no JSON: " + e.getMessage(),
                    "check HF_ENDPOINT");
        }
    }

    /** What a hub says of a file without giving it. */
    HubFile head(HubId id, String commit, String name) throws IOException {
        URI address = address("/" + id.path() + "/resolve/" + commit + "/" + escaped(name));
        HttpResponse<InputStream> answer =
                send(
                        id,
                        request("HEAD", address),
                        response -> response.headers().firstValue("X-Linked-Etag").isPresent());
        answer.body().close();
        Optional<ContentHash> hash =
                header(answer, "X-Linked-Etag", "ETag").flatMap(ContentHash::ofETag);
        Optional<String> size = header(answer, "X-Linked-Size", "Content-Length");
        if (hash.isEmpty() || size.isEmpty() || !size.get().matches("\\d{1,15}")) {
            throw bad(
                    id,
                    address + " says neither hash nor size of " + name,
                    "check HF_ENDPOINT, or download the model in another way");
        }
        return new HubFile(name, hash.get(), Long.parseLong(size.get()), address);
    }

    /**
     * A file's content from a byte on; the answer's status tells whether it begins there (206) or
     * at the file's begin (200).
     */
    HttpResponse<InputStream> content(HubId id, HubFile file, long from) throws IOException {
        HttpRequest.Builder request = request("GET", file.address());
        if (from > 0) {
            request.setHeader("Range", "bytes=" + from + "-");
        }
        return send(id, request, response -> false);
    }

    private static Optional<String> header(HttpResponse<?> answer, String first, String otherwise) {
        return answer.headers().firstValue(first).or(() -> answer.headers().firstValue(otherwise));
    }

    private HttpRequest.Builder request(String method, URI address) {
        return HttpRequest.newBuilder(address)
                .method(method, HttpRequest.BodyPublishers.noBody())
                .timeout(settings.patience().silence())
                .setHeader("User-Agent", "millrace")
                .setHeader("Accept-Encoding", "identity");
    }

    private HttpResponse<InputStream> send(
            HubId id, HttpRequest.Builder request, Predicate<HttpResponse<?>> suffices)
            throws IOException {
        URI asked = request.build().uri();
        for (int hop = 0; hop <= MOST_REDIRECTS; hop++) {
            HttpRequest.Builder next = request.copy().uri(asked);
            if (isHub(asked)) {
                settings.token()
                        .ifPresent(token -> next.setHeader("Authorization", "Bearer " + token));
            }
            HttpResponse<InputStream> answer = send(next.build());
            int status = answer.statusCode();
            if (status == 200 || status == 206 || suffices.test(answer)) {
                return answer;
            }
            answer.body().close();
            if (status / 100 != 3) {
                throw refused(id, asked, answer);
            }
            asked = redirected(id, asked, answer);
        }
        throw bad(id, asked + " redirects without end", "check HF_ENDPOINT");
    }

    private HttpResponse<InputStream> send(HttpRequest request) throws IOException {
        try {
            return http.send(request, HttpResponse.BodyHandlers.ofInputStream());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private URI redirected(HubId id, URI asked, HttpResponse<?> answer) {
        try {
            URI next = asked.resolve(new URI(answer.headers().firstValue("Location").orElse("")));
            boolean web = "https".equals(next.getScheme()) || "http".equals(next.getScheme());
            boolean opened = "https".equals(asked.getScheme()) && !"https".equals(next.getScheme());
            if (web && !opened && next.getHost() != null && !next.equals(asked)) {
                return next;
            }
        } catch (URISyntaxException e) {
            // said below: an address that is none leads nowhere
        }
        throw bad(id, asked + " redirects to what is no safe address", "check HF_ENDPOINT");
    }

    private boolean isHub(URI address) {
        URI hub = settings.endpoint();
        return hub.getScheme().equals(address.getScheme())
                && hub.getHost().equals(address.getHost())
                && hub.getPort() == address.getPort();
    }

    /** Whether an answer may be another one in a while; it is then no person's to mend. */
    private static boolean mayPass(int status) {
        return status == 429 || status >= 500;
    }

    private RuntimeException refused(HubId id, URI asked, HttpResponse<?> answer)
            throws IOException {
        int status = answer.statusCode();
        if (mayPass(status)) {
            throw new IOException(asked + " answers " + status);
        }
        String code = answer.headers().firstValue("X-Error-Code").orElse("");
        String where = settings.endpoint().toString();
        if (code.equals("GatedRepo") || status == 403) {
            return bad(
                    id,
                    where + " lets only those have it who accepted its conditions (" + status + ")",
                    "accept them at " + where + "/" + id.path() + ", and set HF_TOKEN");
        }
        if (status == 401) {
            return settings.token().isPresent()
                    ? bad(
                            id,
                            "there is no such folder, and " + where + " refuses the token (401)",
                            "check the name, and HF_TOKEN")
                    : bad(
                            id,
                            "there is no such folder, and no such model that anyone may have at "
                                    + where
                                    + " (401)",
                            "check the path or name; for a private model set HF_TOKEN");
        }
        if (status == 404) {
            return bad(
                    id,
                    "there is no such folder, and at "
                            + where
                            + (code.equals("RevisionNotFound")
                                    ? " no such revision (404)"
                                    : " no such model (404)"),
                    "check the path or name");
        }
        return bad(id, asked + " answers " + status, "check HF_ENDPOINT");
    }

    private URI address(String path) {
        return URI.create(settings.endpoint() + path);
    }

    /** Names are of a safe alphabet but for what a path must not have as it is. */
    private static String escaped(String name) {
        try {
            return new URI(null, null, "/" + name, null).getRawPath().substring(1);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(name, e);
        }
    }

    private static BadInputException bad(HubId id, String what, String mend) {
        return new BadInputException(id.toString(), what, mend);
    }

    @Override
    public void close() {
        http.shutdownNow();
    }
}
