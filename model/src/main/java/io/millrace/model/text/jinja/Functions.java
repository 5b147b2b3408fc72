package io.millrace.model.text.jinja;

import io.millrace.model.text.jinja.Callee.Arguments;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The functions that every template is given. */
final class Functions {
    /** As many as the sandbox of Jinja lets a template count. */
    private static final int MOST_COUNTED = 100_000;

    private Functions() {}

    /**
     * Gives them to a template.
     *
     * @param now what {@code strftime_now} tells
     * @param step counts a number that is made
     */
    static void giveTo(Scope scope, LocalDateTime now, Runnable step) {
        scope.set("range", (Callee) passed -> range(passed, step));
        scope.set("dict", (Callee) passed -> dict("dict", passed));
        scope.set("namespace", (Callee) passed -> new Namespace(dict("namespace", passed)));
        scope.set(
                "raise_exception",
                (Callee)
                        passed -> {
                            throw new TemplateException(
                                    "refuses this: " + PyText.text(passed.get(0, "message", "")));
                        });
        scope.set(
                "strftime_now", (Callee) passed -> formatted(now, passed.text(0, "format", null)));
    }

    private static List<Object> range(Arguments passed, Runnable step) {
        passed.known("range", 3, List.of());
        boolean one = passed.positional().size() == 1;
        long from = one ? 0 : passed.integer(0, "", 0);
        long to = passed.integer(one ? 0 : 1, "", 0);
        long by = passed.integer(2, "", 1);
        if (by == 0) {
            throw new TemplateException("counts in steps of zero");
        }
        List<Object> numbers = new ArrayList<>();
        for (long i = from; by > 0 ? i < to : i > to; i += by) {
            if (numbers.size() == MOST_COUNTED) {
                throw new TemplateException("counts further than " + MOST_COUNTED);
            }
            step.run();
            numbers.add(i);
        }
        return numbers;
    }

    private static Map<String, Object> dict(String who, Arguments passed) {
        passed.known(who, 1, List.copyOf(passed.named().keySet()));
        Map<String, Object> fields = new LinkedHashMap<>();
        if (passed.get(0, "", Map.of()) instanceof Map<?, ?> map) {
            map.forEach((key, value) -> fields.put(PyText.text(key), value));
        } else {
            throw new TemplateException("makes '" + who + "' of what has no fields");
        }
        fields.putAll(passed.named());
        return fields;
    }

    private static String formatted(LocalDateTime now, String format) {
        StringBuilder out = new StringBuilder();
        int at = 0;
        while (at < format.length()) {
            char c = format.charAt(at++);
            if (c != '%' || at == format.length()) {
                out.append(c);
                continue;
            }
            boolean bare = format.charAt(at) == '-' && at + 1 < format.length();
            String field = field(now, format.charAt(bare ? at + 1 : at));
            at += bare ? 2 : 1;
            out.append(bare && field.startsWith("0") ? field.replaceFirst("^0+(?=.)", "") : field);
        }
        return out.toString();
    }

    private static String field(LocalDateTime now, char letter) {
        String pattern =
                switch (letter) {
                    case 'd' -> "dd";
                    case 'm' -> "MM";
                    case 'y' -> "yy";
                    case 'Y' -> "yyyy";
                    case 'H' -> "HH";
                    case 'I' -> "hh";
                    case 'M' -> "mm";
                    case 'S' -> "ss";
                    case 'p' -> "a";
                    case 'B' -> "MMMM";
                    case 'b', 'h' -> "MMM";
                    case 'A' -> "EEEE";
                    case 'a' -> "EEE";
                    case 'j' -> "DDD";
                    case 'F' -> "yyyy-MM-dd";
                    case 'T' -> "HH:mm:ss";
                    case '%' -> "'%'";
                    default ->
                            throw new TemplateException(
                                    "asks for the time as '%" + letter + "', which is not known");
                };
        return DateTimeFormatter.ofPattern(pattern, Locale.US).format(now);
    }
}
