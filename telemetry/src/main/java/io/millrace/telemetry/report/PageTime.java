package io.millrace.telemetry.report;

import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;

/** When a page was made, as pages show it. */
public final class PageTime {
    private static final DateTimeFormatter IN_WORDS =
            DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm");

    private PageTime() {}

    /** That it is made now. */
    public static String now() {
        return of(LocalDateTime.now(ZoneId.systemDefault()));
    }

    /** Such as {@code 2026-09-07 08:05}. */
    public static String of(LocalDateTime time) {
        return IN_WORDS.format(time);
    }
}
