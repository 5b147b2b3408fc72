package io.millrace.model.hub;

import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.LongConsumer;

/**
 * Brings large files to where a hub keeps them, as git-lfs does: it asks where a content goes to
 * that it knows by its hash, puts it there, whole or in parts, and says that it is done. What the
 * hub has already is not sent.
 */
final class LargeFiles {
    private static final String PART_SIZE = "chunk_size";

    /** Those that the client sets itself. */
    private static final Set<String> OWN_HEADERS =
            Set.of("host", "connection", "content-length", "expect", "upgrade");

    private final HubId id;
    private final URI endpoint;
    private final HubWriter hub;
    private final LongConsumer progress;

    LargeFiles(HubId id, URI endpoint, HubWriter hub, LongConsumer progress) {
        this.id = id;
        this.endpoint = endpoint;
        this.hub = hub;
        this.progress = progress;
    }

    /**
     * Sends a file.
     *
     * @param hash its SHA-256
     * @return whether it had to be
     */
    boolean send(OutgoingFile file, ContentHash hash) throws IOException {
        Map<String, Object> object = Map.of("oid", hash.hex(), "size", file.sizeBytes());
        // Asked anew for each file: what the hub names is good for a while only.
        JsonObject answer =
                hub.batch(
                        Map.of(
                                "operation",
                                "upload",
                                "transfers",
                                List.of("basic", "multipart"),
                                "hash_algo",
                                "sha256",
                                "ref",
                                Map.of("name", id.revision()),
                                "objects",
                                List.of(object)));
        try {
            JsonObject told = only(answer);
            if (told.has("error")) {
                JsonObject error = told.object("error");
                throw hub.bad(
                        file.name() + " is not taken: " + error.string("message", "no reason"),
                        "mend what it says");
            }
            if (!told.has("actions")) {
                return false;
            }
            JsonObject actions = told.object("actions");
            send(file, hash, actions.object("upload"));
            if (actions.has("verify")) {
                hub.tell(address(actions.object("verify")), object);
            }
            return true;
        } catch (JsonFormatException e) {
            throw hub.bad(
                    "the answer for " + file.name() + " is none of git-lfs: " + e.getMessage(),
                    "check HF_ENDPOINT");
        }
    }

    private static JsonObject only(JsonObject answer) {
        List<?> objects = answer.array("objects");
        if (objects.size() == 1 && objects.getFirst() instanceof Map<?, ?> fields) {
            return JsonObject.of(fields);
        }
        throw new JsonFormatException("field 'objects': is not the one that was asked for");
    }

    private void send(OutgoingFile file, ContentHash hash, JsonObject upload) throws IOException {
        Map<String, String> headers = headers(upload);
        URI address = address(upload);
        if (!headers.containsKey(PART_SIZE)) {
            headers.keySet().removeIf(name -> OWN_HEADERS.contains(name.toLowerCase(Locale.ROOT)));
            hub.put(address, headers, () -> body(file, 0, file.sizeBytes()));
            return;
        }
        hub.tell(address, Map.of("oid", hash.hex(), "parts", sendParts(file, headers)));
    }

    private List<Map<String, Object>> sendParts(OutgoingFile file, Map<String, String> headers)
            throws IOException {
        long partBytes = number(headers.get(PART_SIZE));
        Map<Long, URI> places = new TreeMap<>();
        for (Map.Entry<String, String> header : headers.entrySet()) {
            if (header.getKey().matches("\\d+")) {
                places.put(number(header.getKey()), address(header.getValue()));
            }
        }
        if (partBytes == 0 || places.size() != Math.ceilDiv(file.sizeBytes(), partBytes)) {
            throw new JsonFormatException(
                    places.size() + " parts of " + partBytes + " bytes are not the file");
        }
        List<Map<String, Object>> parts = new ArrayList<>();
        for (URI place : places.values()) {
            long from = parts.size() * partBytes;
            long length = Math.min(partBytes, file.sizeBytes() - from);
            String etag =
                    hub.put(place, Map.of(), () -> body(file, from, length))
                            .headers()
                            .firstValue("ETag")
                            .orElseThrow(() -> new JsonFormatException("a part gets no ETag"));
            parts.add(Map.of("partNumber", parts.size() + 1, "etag", etag));
        }
        return parts;
    }

    private OutgoingBody body(OutgoingFile file, long from, long length) {
        return new OutgoingBody(() -> new FileRange(file.path(), from, length), length, progress);
    }

    private static Map<String, String> headers(JsonObject action) {
        Map<String, String> headers = new LinkedHashMap<>();
        if (action.has("header")) {
            action.object("header")
                    .fields()
                    .forEach((name, value) -> headers.put(name, String.valueOf(value)));
        }
        return headers;
    }

    private static long number(String digits) {
        if (!digits.matches("\\d{1,15}")) {
            throw new JsonFormatException("'" + digits + "' is no number");
        }
        return Long.parseLong(digits);
    }

    private URI address(JsonObject action) {
        return address(action.string("href"));
    }

    /** No step down from an encrypted hub to what anybody on the way reads. */
    private URI address(String text) {
        try {
            URI address = new URI(text);
            if (HubConnection.isSafe(endpoint, address)) {
                return address;
            }
        } catch (URISyntaxException e) {
            // said below
        }
        throw new JsonFormatException("'" + text + "' is no safe address");
    }
}
