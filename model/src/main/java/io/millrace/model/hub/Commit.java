package io.millrace.model.hub;

import io.millrace.telemetry.json.Json;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** The lines of JSON that make a commit: its title, files by their bytes, large ones by hash. */
final class Commit {
    private final List<Supplier<InputStream>> pieces = new ArrayList<>();
    private long sizeBytes;
    private boolean empty = true;

    Commit(String summary) {
        line("header", Map.of("summary", summary, "description", ""));
    }

    private void line(String key, Map<String, Object> value) {
        text(Json.write(Map.of("key", key, "value", value)) + "\n");
    }

    private void text(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        pieces.add(() -> new ByteArrayInputStream(bytes));
        sizeBytes += bytes.length;
    }

    /** Adds a file that git keeps. */
    void add(OutgoingFile file) {
        empty = false;
        text(
                "{\"key\":\"file\",\"value\":{\"path\":"
                        + Json.write(file.name())
                        + ",\"encoding\":\"base64\",\"content\":\"");
        pieces.add(() -> new Base64File(file));
        sizeBytes += Base64File.size(file.sizeBytes());
        text("\"}}\n");
    }

    /** Adds a file whose content is where large ones are. */
    void add(OutgoingFile file, ContentHash hash) {
        empty = false;
        line(
                "lfsFile",
                Map.of(
                        "path",
                        file.name(),
                        "algo",
                        "sha256",
                        "oid",
                        hash.hex(),
                        "size",
                        file.sizeBytes()));
    }

    /** Whether it has no file. */
    boolean isEmpty() {
        return empty;
    }

    /** What goes out. */
    OutgoingBody body() {
        return new OutgoingBody(
                () ->
                        new SequenceInputStream(
                                Collections.enumeration(
                                        pieces.stream().map(Supplier::get).toList())),
                sizeBytes,
                _ -> {});
    }
}
