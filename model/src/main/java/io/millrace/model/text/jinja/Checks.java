package io.millrace.model.text.jinja;

import io.millrace.model.text.jinja.Callee.Arguments;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What follows {@code is}. */
final class Checks {
    private Checks() {}

    static boolean holds(Object value, String name, Arguments passed) {
        return switch (name) {
            case "defined" -> !(value instanceof Undefined);
            case "undefined" -> value instanceof Undefined;
            case "none" -> value == null;
            case "boolean" -> value instanceof Boolean;
            case "true" -> Boolean.TRUE.equals(value);
            case "false" -> Boolean.FALSE.equals(value);
            case "integer" -> value instanceof Long;
            case "float" -> value instanceof Double;
            case "number" -> PyValues.isNumber(value);
            case "string" -> value instanceof String;
            case "mapping" -> value instanceof Map;
            case "sequence" -> isSequence(value);
            case "iterable" -> isSequence(value) || value instanceof Undefined;
            case "callable" -> value instanceof Callee;
            case "odd" -> remainder(value, 2L) == 1;
            case "even" -> remainder(value, 2L) == 0;
            case "divisibleby" -> remainder(value, passed.get(0, "num", null)) == 0;
            case "in" -> PyValues.contains(passed.get(0, "seq", null), value);
            case "sameas" -> isSame(value, passed.get(0, "other", null));
            case "eq", "equalto", "==" -> PyValues.isEqual(value, other(passed));
            case "ne", "!=" -> !PyValues.isEqual(value, other(passed));
            case "lt", "lessthan", "<" -> PyValues.compare(value, other(passed)) < 0;
            case "le", "<=" -> PyValues.compare(value, other(passed)) <= 0;
            case "gt", "greaterthan", ">" -> PyValues.compare(value, other(passed)) > 0;
            case "ge", ">=" -> PyValues.compare(value, other(passed)) >= 0;
            case "lower" -> isCase(PyText.text(value), false);
            case "upper" -> isCase(PyText.text(value), true);
            default ->
                    throw new TemplateException("has the test '" + name + "', which is not known");
        };
    }

    private static boolean isSequence(Object value) {
        return value instanceof String
                || value instanceof List
                || value instanceof Tuple
                || value instanceof Map;
    }

    private static Object other(Arguments passed) {
        return passed.get(0, "other", null);
    }

    private static boolean isSame(Object a, Object b) {
        boolean sameClass = a == null || b == null || a.getClass() == b.getClass();
        return sameClass && PyValues.isEqual(a, b);
    }

    private static long remainder(Object value, Object by) {
        if (PyValues.arithmetic(value, "%", by) instanceof Long rest) {
            return rest;
        }
        throw new TemplateException("divides " + PyText.repr(value) + ", which is no integer");
    }

    private static boolean isCase(String text, boolean upper) {
        String as = upper ? text.toUpperCase(Locale.ROOT) : text.toLowerCase(Locale.ROOT);
        return text.equals(as)
                && text.codePoints()
                        .anyMatch(c -> Character.isUpperCase(c) || Character.isLowerCase(c));
    }
}
