package io.millrace.cli.selftest;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What one of the tries found.
 *
 * @param name what was tried
 * @param kind how it went
 * @param detail what was seen
 */
record Finding(String name, Kind kind, String detail) {
    /** How a try went. */
    enum Kind {
        /** As it should. */
        OK,
        /** It works, and could be faster. */
        NOTE,
        /** It does not work. */
        FAILED
    }

    boolean failed() {
        return kind == Kind.FAILED;
    }

    String line() {
        return String.format(
                Locale.ROOT, "%-6s  %-18s  %s", kind.name().toLowerCase(Locale.ROOT), name, detail);
    }

    Map<String, Object> fields() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("name", name);
        fields.put("kind", kind.name().toLowerCase(Locale.ROOT));
        fields.put("detail", detail);
        return fields;
    }
}
