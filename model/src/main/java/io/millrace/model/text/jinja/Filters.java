package io.millrace.model.text.jinja;

import io.millrace.model.text.jinja.Callee.Arguments;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/** What follows a bar. */
final class Filters {
    private static final Pattern WORDS =
            Pattern.compile(
                    "(?<=[-\\s(\\{\\[<])(?![-\\s(\\{\\[<])", Pattern.UNICODE_CHARACTER_CLASS);

    private Filters() {}

    static Object apply(Object value, String name, Arguments passed) {
        return switch (name) {
            case "default", "d" -> {
                boolean alsoFalse = PyValues.isTrue(passed.get(1, "boolean", false));
                yield value instanceof Undefined || (alsoFalse && !PyValues.isTrue(value))
                        ? passed.get(0, "default_value", "")
                        : value;
            }
            // Nothing is escaped, so nothing has to be kept from it. Python would still escape what
            // is
            // added to such a text by '+'; published templates write it or join it by '~'.
            case "safe" -> PyText.text(value);
            case "length", "count" -> (long) PyValues.length(value);
            case "tojson" -> PyJson.write(value, passed);
            case "list" -> new ArrayList<>(PyValues.elements(value));
            case "items" ->
                    switch (value) {
                        case Map<?, ?> map -> Members.items(map);
                        case Undefined _ -> List.of();
                        case null, default ->
                                throw new TemplateException("asks for the items of what has none");
                    };
            case "first" -> end(value, true);
            case "last" -> end(value, false);
            case "int" -> integer(value, passed.get(0, "default", 0L));
            case "float" -> real(value, passed.get(0, "default", 0.0));
            case "abs" -> PyValues.compare(value, 0L) < 0 ? PyValues.negated(value) : value;
            case "round" -> rounded(value, passed);
            default -> ofText(value, name, passed);
        };
    }

    private static Object ofText(Object value, String name, Arguments passed) {
        return switch (name) {
            case "string" -> PyText.text(value);
            case "trim" ->
                    PyText.strip(PyText.text(value), passed.text(0, "chars", null), true, true);
            case "upper" -> PyText.text(value).toUpperCase(Locale.ROOT);
            case "lower" -> PyText.text(value).toLowerCase(Locale.ROOT);
            case "capitalize" -> TextMethods.capitalized(PyText.text(value));
            case "title" -> titled(PyText.text(value));
            case "replace" ->
                    TextMethods.replaced(
                            PyText.text(value),
                            passed.text(0, "old", null),
                            passed.text(1, "new", null),
                            passed.get(2, "count", null) == null
                                    ? -1
                                    : passed.integer(2, "count", -1));
            case "indent" -> indented(PyText.text(value), passed);
            default -> ofElements(value, name, passed);
        };
    }

    private static Object ofElements(Object value, String name, Arguments passed) {
        return switch (name) {
            case "join" -> joined(value, passed);
            case "map" -> mapped(value, passed);
            case "select" -> chosen(value, passed, false, true);
            case "reject" -> chosen(value, passed, false, false);
            case "selectattr" -> chosen(value, passed, true, true);
            case "rejectattr" -> chosen(value, passed, true, false);
            case "reverse" -> reversed(value);
            case "sort" -> sorted(value, passed);
            case "unique" -> unique(value, passed);
            case "dictsort" -> dictSorted(value, passed);
            case "sum" -> summed(value, passed);
            case "min", "max" -> extreme(value, name.equals("min"), passed);
            default ->
                    throw new TemplateException(
                            "has the filter '" + name + "', which is not known");
        };
    }

    private static Object end(Object value, boolean first) {
        List<?> elements = PyValues.elements(value);
        if (elements.isEmpty()) {
            return new Undefined(first ? "first" : "last");
        }
        return first ? elements.getFirst() : elements.getLast();
    }

    private static Object integer(Object value, Object otherwise) {
        try {
            return switch (value) {
                case Long number -> number;
                case Boolean truth -> truth ? 1L : 0L;
                case Double number when Double.isFinite(number) -> (long) (double) number;
                case String text when text.contains(".") -> (long) Double.parseDouble(text);
                case String text ->
                        Long.parseLong(PyText.strip(text, null, true, true).replace("_", ""));
                case null, default -> otherwise;
            };
        } catch (NumberFormatException e) {
            return otherwise;
        }
    }

    private static Object real(Object value, Object otherwise) {
        try {
            return PyValues.isNumber(value)
                    ? PyValues.real(value)
                    : value instanceof String text ? (Object) Double.parseDouble(text) : otherwise;
        } catch (NumberFormatException e) {
            return otherwise;
        }
    }

    private static Object rounded(Object value, Arguments passed) {
        passed.known("round", 1, List.of("precision"));
        if (passed.integer(0, "precision", 0) != 0) {
            throw new TemplateException("rounds to digits, which is not known");
        }
        return Math.rint(PyValues.real(value));
    }

    private static String titled(String text) {
        StringBuilder out = new StringBuilder();
        for (String word : WORDS.split(text, -1)) {
            out.append(TextMethods.capitalized(word));
        }
        return out.toString();
    }

    private static String indented(String text, Arguments passed) {
        Object width = passed.get(0, "width", 4L);
        boolean first = PyValues.isTrue(passed.get(1, "first", false));
        boolean blank = PyValues.isTrue(passed.get(2, "blank", false));
        String by =
                width instanceof String indent
                        ? indent
                        : " ".repeat(Math.clamp(passed.integer(0, "width", 4), 0, 1 << 10));
        StringBuilder out = new StringBuilder(first ? by : "");
        List<String> lines = text.lines().toList();
        for (int i = 0; i < lines.size(); i++) {
            boolean indents = i > 0 && (blank || !lines.get(i).isEmpty());
            out.append(i > 0 ? "\n" : "").append(indents ? by : "").append(lines.get(i));
        }
        return PyText.bounded(
                text.endsWith("\n") ? out + "\n" + (blank ? by : "") : out.toString());
    }

    private static String joined(Object value, Arguments passed) {
        String between = passed.text(0, "d", "");
        Object attribute = passed.get(1, "attribute", null);
        StringBuilder out = new StringBuilder();
        String before = "";
        for (Object element : PyValues.elements(value)) {
            Object part = attribute == null ? element : reached(element, attribute);
            out.append(before).append(PyText.text(part));
            before = between;
        }
        return PyText.bounded(out.toString());
    }

    /** A field, or a field of a field with dots between. */
    private static Object reached(Object of, Object path) {
        Object value = of;
        if (!(path instanceof String names)) {
            return Members.item(value, path);
        }
        for (String name : names.split("\\.", -1)) {
            boolean isIndex = !name.isEmpty() && name.chars().allMatch(Character::isDigit);
            value = Members.item(value, isIndex ? (Object) Long.parseLong(name) : name);
        }
        return value;
    }

    private static List<Object> mapped(Object value, Arguments passed) {
        List<Object> out = new ArrayList<>();
        if (passed.positional().isEmpty()) {
            passed.known("map", 0, List.of("attribute", "default"));
            for (Object element : PyValues.elements(value)) {
                Object reached = reached(element, passed.get(0, "attribute", null));
                out.add(
                        reached instanceof Undefined && passed.named().containsKey("default")
                                ? passed.named().get("default")
                                : reached);
            }
            return out;
        }
        Arguments rest = behind(passed, 1);
        for (Object element : PyValues.elements(value)) {
            out.add(apply(element, passed.text(0, "", null), rest));
        }
        return out;
    }

    private static List<Object> chosen(
            Object value, Arguments passed, boolean byField, boolean wanted) {
        int at = byField ? 1 : 0;
        boolean tests = passed.positional().size() > at;
        Arguments rest = behind(passed, at + 1);
        List<Object> out = new ArrayList<>();
        for (Object element : PyValues.elements(value)) {
            Object looked = byField ? reached(element, passed.get(0, "", null)) : element;
            boolean holds =
                    tests
                            ? Checks.holds(looked, passed.text(at, "", null), rest)
                            : PyValues.isTrue(looked);
            if (holds == wanted) {
                out.add(element);
            }
        }
        return out;
    }

    private static Arguments behind(Arguments passed, int from) {
        List<Object> all = passed.positional();
        return new Arguments(all.subList(Math.min(from, all.size()), all.size()), passed.named());
    }

    private static Object reversed(Object value) {
        if (value instanceof String text) {
            return new StringBuilder(text).reverse().toString();
        }
        List<Object> out = new ArrayList<>(PyValues.elements(value));
        Collections.reverse(out);
        return out;
    }

    private static List<Object> sorted(Object value, Arguments passed) {
        passed.known("sort", 3, List.of("reverse", "case_sensitive", "attribute"));
        boolean cased = PyValues.isTrue(passed.get(1, "case_sensitive", false));
        Object attribute = passed.get(2, "attribute", null);
        Comparator<Object> order =
                Comparator.comparing(e -> key(e, attribute, cased), PyValues::compare);
        List<Object> out = new ArrayList<>(PyValues.elements(value));
        out.sort(PyValues.isTrue(passed.get(0, "reverse", false)) ? order.reversed() : order);
        return out;
    }

    private static Object key(Object element, Object attribute, boolean cased) {
        Object key = attribute == null ? element : reached(element, attribute);
        return key instanceof String text && !cased ? text.toLowerCase(Locale.ROOT) : key;
    }

    private static List<Object> unique(Object value, Arguments passed) {
        passed.known("unique", 2, List.of("case_sensitive", "attribute"));
        boolean cased = PyValues.isTrue(passed.get(0, "case_sensitive", false));
        Object attribute = passed.get(1, "attribute", null);
        List<Object> keys = new ArrayList<>();
        List<Object> out = new ArrayList<>();
        for (Object element : PyValues.elements(value)) {
            Object key = key(element, attribute, cased);
            if (!PyValues.contains(keys, key)) {
                keys.add(key);
                out.add(element);
            }
        }
        return out;
    }

    private static List<Object> dictSorted(Object value, Arguments passed) {
        passed.known("dictsort", 3, List.of("case_sensitive", "by", "reverse"));
        if (!(value instanceof Map<?, ?> map)) {
            throw new TemplateException("sorts the items of what has none");
        }
        boolean cased = PyValues.isTrue(passed.get(0, "case_sensitive", false));
        Long at = passed.text(1, "by", "key").equals("key") ? 0L : 1L;
        Comparator<Object> order = Comparator.comparing(e -> key(e, at, cased), PyValues::compare);
        List<Object> out = Members.items(map);
        out.sort(PyValues.isTrue(passed.get(2, "reverse", false)) ? order.reversed() : order);
        return out;
    }

    private static Object summed(Object value, Arguments passed) {
        Object attribute = passed.get(0, "attribute", null);
        Object sum = passed.get(1, "start", 0L);
        for (Object element : PyValues.elements(value)) {
            sum =
                    PyValues.arithmetic(
                            sum, "+", attribute == null ? element : reached(element, attribute));
        }
        return sum;
    }

    private static Object extreme(Object value, boolean least, Arguments passed) {
        boolean cased = PyValues.isTrue(passed.get(0, "case_sensitive", false));
        Object attribute = passed.get(1, "attribute", null);
        Object best = null;
        boolean any = false;
        for (Object element : PyValues.elements(value)) {
            int order =
                    any
                            ? PyValues.compare(
                                    key(element, attribute, cased), key(best, attribute, cased))
                            : 0;
            if (!any || (least ? order < 0 : order > 0)) {
                best = element;
                any = true;
            }
        }
        return any ? best : new Undefined(least ? "min" : "max");
    }
}
