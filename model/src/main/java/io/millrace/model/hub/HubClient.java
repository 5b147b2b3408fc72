package io.millrace.model.hub;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.function.Predicate;

/** Asks a hub for what it has. */
final class HubClient implements AutoCloseable {
    private final HubSettings settings;
    private final HubConnection connection;

    HubClient(HubSettings settings) {
        this.settings = settings;
        this.connection = new HubConnection(settings);
    }

    /** What a hub answers to {@code /api/models/…}. */
    JsonObject model(HubId id) throws IOException {
        URI address = connection.address("/api/models/" + id.path() + "/revision/" + id.revision());
        HttpResponse<InputStream> answer = send(id, request("GET", address), response -> false);
        try (InputStream body = answer.body()) {
            byte[] bytes = body.readNBytes(HubConnection.MAX_ANSWER_BYTES + 1);
            if (bytes.length > HubConnection.MAX_ANSWER_BYTES) {
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
        URI address =
                connection.address("/" + id.path() + "/resolve/" + commit + "/" + escaped(name));
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
        return connection
                .request(address)
                .method(method, HttpRequest.BodyPublishers.noBody())
                .timeout(settings.patience().silence());
    }

    private HttpResponse<InputStream> send(
            HubId id, HttpRequest.Builder request, Predicate<HttpResponse<?>> suffices)
            throws IOException {
        HttpResponse<InputStream> answer = connection.ask(id, request, suffices);
        int status = answer.statusCode();
        if (status == 200 || status == 206 || suffices.test(answer)) {
            return answer;
        }
        answer.body().close();
        throw refused(id, answer);
    }

    private RuntimeException refused(HubId id, HttpResponse<?> answer) throws IOException {
        int status = answer.statusCode();
        URI asked = answer.uri();
        HubConnection.throwIfMayPass(answer);
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
        connection.close();
    }
}
