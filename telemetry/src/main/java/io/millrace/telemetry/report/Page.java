package io.millrace.telemetry.report;

import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * A kind of page that needs nothing else: style, code and data are in it.
 *
 * @param title what it is of
 * @param body its elements below the head
 * @param scripts its code, in order
 * @param missing what says as much without it
 */
record Page(String title, String body, List<String> scripts, String missing) {
    /** Freezes the list. */
    Page {
        scripts = List.copyOf(scripts);
    }

    /**
     * Writes a page.
     *
     * @param file the page; one that exists is replaced
     * @param data what it shows
     * @throws UncheckedIOException where it cannot be written
     */
    void write(Path file, Map<String, Object> data) {
        // In a script element only these would end the data early; JSON spells them as escapes.
        String safe = Json.write(data).replace("<", "\\u003c").replace("\u2028", "\\u2028");
        String code = scripts.stream().map(Page::resource).collect(Collectors.joining());
        String page =
                resource("page.html")
                        .replace("/*title*/", title)
                        .replace("/*missing*/", missing)
                        .replace("/*body*/", resource(body))
                        .replace("/*style*/", resource("report.css"))
                        .replace("/*code*/", code)
                        .replace("/*data*/", safe);
        try {
            Files.writeString(file, page);
        } catch (IOException e) {
            throw new UncheckedIOException(
                    new IOException(file + ": the page cannot be written: " + e.getMessage(), e));
        }
    }

    private static String resource(String name) {
        try (InputStream in = Page.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
