package io.millrace.telemetry.report;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Writes a profile as one page that needs nothing else. */
public final class HtmlReport {
    private static final Page PAGE =
            new Page(
                    "profile",
                    "report.html",
                    List.of("timeline.js", "page.js", "report.js"),
                    "trace.json");

    private HtmlReport() {}

    /**
     * Writes the page.
     *
     * @param file the page; one that exists is replaced
     * @param data what it shows
     * @param options the run's options by name
     * @param made when the profile was made, as the page shows it
     * @throws java.io.UncheckedIOException where it cannot be written
     */
    public static void write(
            Path file, ProfileData data, Map<String, Object> options, String made) {
        PAGE.write(file, data.page(options, made));
    }
}
