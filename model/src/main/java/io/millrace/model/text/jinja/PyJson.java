package io.millrace.model.text.jinja;

import io.millrace.model.text.jinja.Callee.Arguments;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** The {@code tojson} of transformers: what {@code json.dumps} writes, character for character. */
final class PyJson {
    private final boolean ascii;
    private final boolean sorted;
    private final String indent;
    private final String between;
    private final String colon;
    private final StringBuilder out = new StringBuilder();

    private PyJson(Arguments arguments) {
        arguments.known("tojson", 4, List.of("ensure_ascii", "indent", "separators", "sort_keys"));
        ascii = PyValues.isTrue(arguments.get(0, "ensure_ascii", false));
        indent =
                switch (arguments.get(1, "indent", null)) {
                    case null -> null;
                    case String text -> text;
                    case Long width -> " ".repeat(Math.clamp(width, 0, 64));
                    default -> throw new TemplateException("passes 'tojson' another indent");
                };
        Object separators = arguments.get(2, "separators", null);
        if (separators == null) {
            between = indent == null ? ", " : ",";
            colon = ": ";
        } else {
            List<?> both = PyValues.elements(separators);
            if (both.size() != 2) {
                throw new TemplateException("passes 'tojson' other separators than two");
            }
            between = PyText.text(both.get(0));
            colon = PyText.text(both.get(1));
        }
        sorted = PyValues.isTrue(arguments.get(3, "sort_keys", false));
    }

    static String write(Object value, Arguments arguments) {
        PyJson json = new PyJson(arguments);
        json.write(value, 0);
        return json.out.toString();
    }

    private void write(Object value, int depth) {
        PyText.requireBounded(out.length());
        switch (value) {
            case null -> out.append("null");
            case Boolean truth -> out.append(truth);
            case String text -> string(text);
            case Double number ->
                    out.append(
                            Double.isFinite(number)
                                    ? PyText.number(number)
                                    : Double.isNaN(number)
                                            ? "NaN"
                                            : number > 0 ? "Infinity" : "-Infinity");
            case Number number -> out.append(number);
            case List<?> list -> array(list, depth);
            case Tuple tuple -> array(tuple.items(), depth);
            case Map<?, ?> map -> object(map, depth);
            default -> throw new TemplateException("passes 'tojson' what is no JSON");
        }
    }

    private void array(List<?> items, int depth) {
        if (items.isEmpty()) {
            out.append("[]");
            return;
        }
        out.append('[');
        for (Iterator<?> i = items.iterator(); i.hasNext(); ) {
            newLine(depth + 1);
            write(i.next(), depth + 1);
            out.append(i.hasNext() ? between : "");
        }
        newLine(depth);
        out.append(']');
    }

    private void object(Map<?, ?> map, int depth) {
        if (map.isEmpty()) {
            out.append("{}");
            return;
        }
        List<Map.Entry<?, ?>> fields = new ArrayList<>(map.entrySet());
        if (sorted) {
            fields.sort(Comparator.comparing(Map.Entry::getKey, PyValues::compare));
        }
        out.append('{');
        for (Iterator<Map.Entry<?, ?>> i = fields.iterator(); i.hasNext(); ) {
            Map.Entry<?, ?> field = i.next();
            newLine(depth + 1);
            Object key = field.getKey();
            if (key instanceof String text) {
                string(text);
            } else {
                out.append('"');
                write(key, depth + 1);
                out.append('"');
            }
            out.append(colon);
            write(field.getValue(), depth + 1);
            out.append(i.hasNext() ? between : "");
        }
        newLine(depth);
        out.append('}');
    }

    private void newLine(int depth) {
        if (indent != null) {
            out.append('\n').repeat(indent, depth);
        }
    }

    private void string(String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"' -> out.append("\\\"");
                case '\\' -> out.append("\\\\");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                case '\b' -> out.append("\\b");
                case '\f' -> out.append("\\f");
                default -> {
                    if (c < ' ' || (ascii && c > '~')) {
                        out.append("\\u%04x".formatted((int) c));
                    } else {
                        out.append(c);
                    }
                }
            }
        }
        out.append('"');
    }
}
