package io.millrace.executor.config.recipe;

import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Writes fields as YAML that {@link YamlFields} reads back to the same values, each on one line.
 * Every sign outside of ASCII that is no letter is written as an escape: parsers and emitters do
 * not agree on those.
 */
public final class YamlText {
    /** Texts that no parser takes for anything else. */
    private static final Pattern PLAIN =
            Pattern.compile("(?!null$|true$|false$)([A-Za-z/]|\\.{1,2}/)[\\w./+@-]*|0x[0-9a-f]+");

    private YamlText() {}

    /** One line a field: numbers, truths, texts and lists of them. */
    public static String of(Map<String, Object> fields) {
        return fields.entrySet().stream()
                .map(field -> field.getKey() + ": " + value(field.getValue()) + "\n")
                .collect(Collectors.joining());
    }

    private static String value(Object value) {
        return switch (value) {
            case List<?> items ->
                    items.stream().map(YamlText::value).collect(Collectors.joining(", ", "[", "]"));
            case String text -> PLAIN.matcher(text).matches() ? text : quoted(text);
            default -> String.valueOf(value);
        };
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        text.codePoints()
                .forEach(sign -> {
                    switch (sign) {
                        case '"' -> quoted.append("\\\"");
                        case '\\' -> quoted.append("\\\\");
                        case '\n' -> quoted.append("\\n");
                        case '\t' -> quoted.append("\\t");
                        default -> quoted.append(escaped(sign));
                    }
                });
        return quoted.append('"').toString();
    }

    private static String escaped(int sign) {
        if ((sign >= ' ' && sign <= '~') || Character.isLetter(sign)) {
            return Character.toString(sign);
        }
        return String.format(Character.isBmpCodePoint(sign) ? "\\u%04x" : "\\U%08x", sign);
    }
}
