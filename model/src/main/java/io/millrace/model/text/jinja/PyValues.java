package io.millrace.model.text.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** What Python's operators make of values. */
final class PyValues {
    private PyValues() {}

    static boolean isTrue(Object value) {
        return switch (value) {
            case null -> false;
            case Boolean truth -> truth;
            case String text -> !text.isEmpty();
            case Long number -> number != 0;
            case Double number -> number != 0;
            case List<?> list -> !list.isEmpty();
            case Tuple tuple -> !tuple.items().isEmpty();
            case Map<?, ?> map -> !map.isEmpty();
            case Undefined _ -> false;
            default -> true;
        };
    }

    /** What a loop goes through: of a map its keys, of a text its characters. */
    static List<?> elements(Object value) {
        return switch (value) {
            case List<?> list -> list;
            case Tuple tuple -> tuple.items();
            case Map<?, ?> map -> new ArrayList<>(map.keySet());
            case String text -> PyText.characters(text);
            case Undefined _ -> List.of();
            case null, default ->
                    throw new TemplateException(
                            "goes through " + PyText.repr(value) + ", which has no elements");
        };
    }

    static int length(Object value) {
        return value instanceof String text ? PyText.length(text) : elements(value).size();
    }

    static boolean isEqual(Object a, Object b) {
        if (isNumber(a) && isNumber(b)) {
            boolean isReal = a instanceof Double || b instanceof Double;
            return isReal ? real(a) == real(b) : integer(a) == integer(b);
        }
        if (a instanceof List<?> x && b instanceof List<?> y) {
            return areEqual(x, y);
        }
        if (a instanceof Tuple x && b instanceof Tuple y) {
            return areEqual(x.items(), y.items());
        }
        if (a instanceof Map<?, ?> x && b instanceof Map<?, ?> y) {
            return x.size() == y.size()
                    && x.entrySet().stream()
                            .allMatch(e ->
                                    y.containsKey(e.getKey())
                                            && isEqual(e.getValue(), y.get(e.getKey())));
        }
        return Objects.equals(a, b);
    }

    private static boolean areEqual(List<?> a, List<?> b) {
        if (a.size() != b.size()) {
            return false;
        }
        for (int i = 0; i < a.size(); i++) {
            if (!isEqual(a.get(i), b.get(i))) {
                return false;
            }
        }
        return true;
    }

    static int compare(Object a, Object b) {
        if (isNumber(a) && isNumber(b)) {
            return a instanceof Double || b instanceof Double
                    ? Double.compare(real(a), real(b))
                    : Long.compare(integer(a), integer(b));
        }
        if (a instanceof String x && b instanceof String y) {
            return compareText(x, y);
        }
        if (a instanceof List<?> x && b instanceof List<?> y) {
            return compareAll(x, y);
        }
        if (a instanceof Tuple x && b instanceof Tuple y) {
            return compareAll(x.items(), y.items());
        }
        throw new TemplateException(
                "compares " + PyText.repr(a) + " with " + PyText.repr(b) + ", which has no order");
    }

    /** By code points: Java's own order differs beyond the basic plane. */
    private static int compareText(String a, String b) {
        int at = 0;
        while (at < a.length() && at < b.length() && a.charAt(at) == b.charAt(at)) {
            at++;
        }
        if (at == a.length() || at == b.length()) {
            return Integer.compare(a.length(), b.length());
        }
        boolean within = at > 0 && Character.isHighSurrogate(a.charAt(at - 1));
        return Integer.compare(
                a.codePointAt(within ? at - 1 : at), b.codePointAt(within ? at - 1 : at));
    }

    private static int compareAll(List<?> a, List<?> b) {
        for (int i = 0; i < a.size() && i < b.size(); i++) {
            if (!isEqual(a.get(i), b.get(i))) {
                return compare(a.get(i), b.get(i));
            }
        }
        return Integer.compare(a.size(), b.size());
    }

    static boolean contains(Object container, Object value) {
        return switch (container) {
            case String text when value instanceof String part -> text.contains(part);
            case String _ ->
                    throw new TemplateException(
                            "looks for " + PyText.repr(value) + " in a text, which is none");
            case Map<?, ?> map -> map.containsKey(value);
            case null, default ->
                    elements(container).stream().anyMatch(element -> isEqual(element, value));
        };
    }

    static Object arithmetic(Object a, String operator, Object b) {
        if (operator.equals("+") && !isNumber(a)) {
            return concatenated(a, b);
        }
        if (operator.equals("*") && !(isNumber(a) && isNumber(b))) {
            return isNumber(a) ? repeated(b, a) : repeated(a, b);
        }
        if (!isNumber(a) || !isNumber(b)) {
            throw new TemplateException(
                    "computes " + PyText.repr(a) + " " + operator + " " + PyText.repr(b));
        }
        boolean divides = operator.equals("/") || operator.equals("//") || operator.equals("%");
        if (divides && real(b) == 0) {
            throw new TemplateException("divides by zero");
        }
        try {
            return a instanceof Double || b instanceof Double || operator.equals("/")
                    ? (Object) reals(real(a), operator, real(b))
                    : integers(integer(a), operator, integer(b));
        } catch (ArithmeticException e) {
            throw new TemplateException("computes a number too large");
        }
    }

    private static double reals(double a, String operator, double b) {
        return switch (operator) {
            case "+" -> a + b;
            case "-" -> a - b;
            case "*" -> a * b;
            case "/" -> a / b;
            case "//" -> Math.floor(a / b);
            case "%" -> a - b * Math.floor(a / b);
            default -> Math.pow(a, b);
        };
    }

    private static Object integers(long a, String operator, long b) {
        return switch (operator) {
            case "+" -> Math.addExact(a, b);
            case "-" -> Math.subtractExact(a, b);
            case "*" -> Math.multiplyExact(a, b);
            case "//" -> Math.floorDiv(a, b);
            case "%" -> Math.floorMod(a, b);
            default -> {
                if (b < 0) {
                    yield Math.pow((double) a, (double) b);
                }
                if (a >= -1 && a <= 1) {
                    yield b == 0 || (a == -1 && b % 2 == 0) ? 1 : a;
                }
                long power = 1;
                for (long i = 0; i < b; i++) {
                    power = Math.multiplyExact(power, a);
                }
                yield power;
            }
        };
    }

    private static Object concatenated(Object a, Object b) {
        if (a instanceof String x && b instanceof String y) {
            return PyText.bounded(x + y);
        }
        if (a instanceof List<?> x && b instanceof List<?> y) {
            List<Object> both = new ArrayList<>(x);
            both.addAll(y);
            return both;
        }
        if (a instanceof Tuple x && b instanceof Tuple y) {
            List<Object> both = new ArrayList<>(x.items());
            both.addAll(y.items());
            return new Tuple(both);
        }
        if (a instanceof Undefined || b instanceof Undefined) {
            throw (a instanceof Undefined x ? x : (Undefined) b).error();
        }
        throw new TemplateException("adds " + PyText.repr(b) + " to " + PyText.repr(a));
    }

    private static Object repeated(Object of, Object count) {
        if (of instanceof String text && isNumber(count) && !(count instanceof Double)) {
            long times = Math.max(0, integer(count));
            if (times * text.length() > 1 << 20) {
                throw new TemplateException("repeats a text too often");
            }
            return text.repeat((int) times);
        }
        throw new TemplateException("computes " + PyText.repr(of) + " * " + PyText.repr(count));
    }

    static Object negated(Object value) {
        return switch (value) {
            case Double number -> -number;
            case Long number -> -number;
            case null, default -> throw new TemplateException("negates " + PyText.repr(value));
        };
    }

    /** Truth values count as 0 and 1. */
    static boolean isNumber(Object value) {
        return value instanceof Long || value instanceof Double || value instanceof Boolean;
    }

    static double real(Object number) {
        return number instanceof Double real ? real : (double) integer(number);
    }

    private static long integer(Object number) {
        return number instanceof Boolean truth ? truth ? 1 : 0 : (Long) number;
    }
}
