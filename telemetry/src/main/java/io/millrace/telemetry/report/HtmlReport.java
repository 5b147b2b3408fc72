package io.millrace.telemetry.report;

import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Writes a profile as one page that needs nothing else: style, code and data are in it. */
public final class HtmlReport {
    private HtmlReport() {}

    /**
     * Writes the page.
     *
     * @param file the page; one that exists is replaced
     * @param data what it shows
     * @param options the run's options by name
     * @param made when the profile was made, as the page shows it
     * @throws UncheckedIOException where it cannot be written
     */
    public static void write(
            Path file, ProfileData data, Map<String, Object> options, String made) {
        String json = Json.write(data.page(options, made));
        // In a script element only these would end the data early; JSON spells them as escapes.
        String safe = json.replace("<", "\\u003c").replace("\u2028", "\\u2028");
        String page =
                resource("report.html")
                        .replace("/*style*/", resource("report.css"))
                        .replace("/*code*/", resource("timeline.js") + resource("report.js"))
                        .replace("/*data*/", safe);
        try {
            Files.writeString(file, page);
        } catch (IOException e) {
            throw new UncheckedIOException(
                    new IOException(file + ": report cannot be written: " + e.getMessage(), e));
        }
    }

    private static String resource(String name) {
        try (InputStream in = HtmlReport.class.getResourceAsStream(name)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
