package io.millrace.model.hub;

import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/** Tells a hub things, in JSON, and understands why it refuses them. */
final class HubWriter implements AutoCloseable {
    private static final String JSON = "application/json";
    private static final String LFS = "application/vnd.git-lfs+json";
    private static final String LINES = "application/x-ndjson";
    private static final int MOST_CHARS = 200; // of what a hub says of a refusal

    private final HubId id;
    private final HubSettings settings;
    private final HubConnection connection;
    private final Tries tries;

    HubWriter(HubId id, HubSettings settings) {
        this.id = id;
        this.settings = settings;
        this.connection = new HubConnection(settings);
        this.tries = new Tries(settings.patience());
    }

    /**
     * Whether the repository is there and only some may see it; makes it where it is not.
     *
     * @param hidden whether one that is made is for some alone
     */
    boolean open(boolean hidden) throws IOException {
        Map<String, Object> wanted = new LinkedHashMap<>();
        wanted.put("name", id.name());
        wanted.put("organization", id.owner());
        wanted.put("type", "model");
        if (hidden) {
            wanted.put("visibility", "private");
        }
        HttpResponse<byte[]> made =
                tries.of(() -> {
                    HttpResponse<byte[]> answer = post("/api/repos/create", JSON, wanted);
                    // A hub makes one repository of an owner at a time.
                    if (answer.statusCode() == 409 && said(answer).contains("in progress")) {
                        throw new IOException(answer.uri() + " answers " + said(answer));
                    }
                    return answer;
                });
        HttpResponse<byte[]> there =
                tries.of(() ->
                        passing(
                                connection.give(
                                        id,
                                        connection.request(
                                                connection.address("/api/models/" + id.path())),
                                        "GET",
                                        OutgoingBody.none())));
        if (there.statusCode() == 200) {
            return json(there).bool("private", false);
        }
        // A token may write to what is there and yet make nothing.
        throw refused(made.statusCode() / 100 == 2 ? there : made);
    }

    /** Makes a branch, where it is not there. */
    void branch() throws IOException {
        HttpResponse<byte[]> answer =
                tries.of(() ->
                        post(
                                "/api/models/" + id.path() + "/branch/" + id.revision(),
                                JSON,
                                Map.of()));
        if (answer.statusCode() != 409 && answer.statusCode() / 100 != 2) {
            throw refused(answer);
        }
    }

    /** Asks which files are kept in git, and which are there already; in one try. */
    JsonObject preupload(Map<String, Object> files) throws IOException {
        String path = "/api/models/" + id.path() + "/preupload/" + id.revision();
        return json(accepted(post(path, JSON, files)));
    }

    /** Asks where a large file goes to. */
    JsonObject batch(Map<String, Object> objects) throws IOException {
        String path = "/" + id.path() + ".git/info/lfs/objects/batch";
        return json(accepted(tries.of(() -> post(path, LFS, objects))));
    }

    /** Says something to an address that the hub has named. */
    void tell(URI address, Object json) throws IOException {
        accepted(tries.of(() -> post(address, LFS, OutgoingBody.text(Json.write(json)))));
    }

    /**
     * Makes a commit, in one try: it may have been made although no answer comes.
     *
     * @return the hub's answer
     */
    JsonObject commit(OutgoingBody lines) throws IOException {
        URI address = connection.address("/api/models/" + id.path() + "/commit/" + id.revision());
        return json(accepted(post(address, LINES, lines)));
    }

    /**
     * Puts bytes to where a hub keeps large files.
     *
     * @param headers that the hub wants to go along
     * @param body made anew for each try
     */
    HttpResponse<byte[]> put(URI address, Map<String, String> headers, Supplier<OutgoingBody> body)
            throws IOException {
        HttpResponse<byte[]> taken =
                tries.of(() -> {
                    HttpRequest.Builder request = connection.request(address);
                    headers.forEach(request::setHeader);
                    OutgoingBody sent = body.get();
                    boolean arrived = false;
                    try {
                        HttpResponse<byte[]> answer =
                                passing(connection.give(id, request, "PUT", sent));
                        arrived = true;
                        return answer;
                    } finally {
                        if (!arrived) {
                            sent.takeBack();
                        }
                    }
                });
        if (taken.statusCode() / 100 != 2) {
            throw bad(
                    address.getAuthority() + " does not take a large file" + why(taken),
                    "try again: the same command goes on with what is not there yet");
        }
        return taken;
    }

    private HttpResponse<byte[]> post(String path, String type, Object json) throws IOException {
        return post(connection.address(path), type, OutgoingBody.text(Json.write(json)));
    }

    private HttpResponse<byte[]> post(URI address, String type, OutgoingBody body)
            throws IOException {
        HttpRequest.Builder request =
                connection
                        .request(address)
                        .setHeader("Content-Type", type)
                        .setHeader("Accept", type.equals(LFS) ? LFS : JSON);
        return passing(connection.give(id, request, "POST", body));
    }

    private static HttpResponse<byte[]> passing(HttpResponse<byte[]> answer) throws IOException {
        HubConnection.throwIfMayPass(answer);
        return answer;
    }

    private HttpResponse<byte[]> accepted(HttpResponse<byte[]> answer) {
        if (answer.statusCode() / 100 != 2) {
            throw refused(answer);
        }
        return answer;
    }

    private JsonObject json(HttpResponse<byte[]> answer) {
        try {
            return Json.parseObject(new String(answer.body(), StandardCharsets.UTF_8));
        } catch (JsonFormatException e) {
            throw bad(
                    answer.uri() + " answers what is no JSON: " + e.getMessage(),
                    "check HF_ENDPOINT");
        }
    }

    private BadInputException refused(HttpResponse<byte[]> answer) {
        String why = why(answer);
        String where = settings.endpoint().toString();
        return switch (answer.statusCode()) {
            case 401 -> bad(where + " refuses the token" + why, "check HF_TOKEN, or log in again");
            case 403 ->
                    bad(
                            where + " does not let the token write there" + why,
                            "check the owner's name, and that the token may write");
            case 404 ->
                    bad(
                            where
                                    + " has no such repository or branch, or none that the token sees"
                                    + why,
                            "check the name and HF_TOKEN");
            default -> bad(answer.uri().getPath() + " is not accepted" + why, "mend what it says");
        };
    }

    private static String why(HttpResponse<byte[]> answer) {
        String said = said(answer);
        return " (" + answer.statusCode() + (said.isEmpty() ? "" : ": " + said) + ")";
    }

    /** What a hub says of a refusal, fit for one line of a terminal. */
    private static String said(HttpResponse<byte[]> answer) {
        String said = answer.headers().firstValue("X-Error-Message").orElse("");
        try {
            JsonObject json = Json.parseObject(new String(answer.body(), StandardCharsets.UTF_8));
            for (String field : new String[] {"error", "message"}) {
                if (said.isEmpty() && json.raw(field) instanceof String text) {
                    said = text;
                }
            }
        } catch (JsonFormatException e) {
            // a page for people, and not for programs
        }
        String line = said.replaceAll("[\\p{Cntrl}\\s]+", " ").strip();
        return line.length() <= MOST_CHARS ? line : line.substring(0, MOST_CHARS) + "...";
    }

    BadInputException bad(String what, String mend) {
        return new BadInputException(id.toString(), what, mend);
    }

    @Override
    public void close() {
        connection.close();
    }
}
