package io.millrace.model.text.jinja;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Text as Python has it: what white space is, how values are written, escapes. */
final class PyText {
    /** What a value may grow to; the longest row of data is no longer. */
    private static final int MOST_CHARS = 16 << 20;

    private PyText() {}

    static boolean isSpace(int c) {
        return c <= ' '
                ? c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x1f)
                : c == 0x85 || Character.isSpaceChar(c);
    }

    static String stripLeft(String text) {
        int from = 0;
        while (from < text.length() && isSpace(text.charAt(from))) {
            from++;
        }
        return text.substring(from);
    }

    static String stripRight(String text) {
        int to = text.length();
        while (to > 0 && isSpace(text.charAt(to - 1))) {
            to--;
        }
        return text.substring(0, to);
    }

    /** Strips characters of a set, or white space where there is none. */
    static String strip(String text, String set, boolean left, boolean right) {
        if (set == null) {
            String rest = left ? stripLeft(text) : text;
            return right ? stripRight(rest) : rest;
        }
        int from = 0;
        int to = text.length();
        while (left && from < to && set.indexOf(text.charAt(from)) >= 0) {
            from++;
        }
        while (right && to > from && set.indexOf(text.charAt(to - 1)) >= 0) {
            to--;
        }
        return text.substring(from, to);
    }

    /** The text, unless it is longer than any that is needed. */
    static String bounded(String text) {
        requireBounded(text.length());
        return text;
    }

    static void requireBounded(int chars) {
        if (chars > MOST_CHARS) {
            throw new TemplateException("makes a text of more than " + MOST_CHARS + " characters");
        }
    }

    /** Code points, which is what Python counts. */
    static List<Object> characters(String text) {
        List<Object> characters = new ArrayList<>();
        text.codePoints().forEach(c -> characters.add(Character.toString(c)));
        return characters;
    }

    static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    /** A value as {@code str} writes it. */
    static String text(Object value) {
        return value instanceof String text ? text : repr(value);
    }

    /** A value as it would be written in Python. */
    static String repr(Object value) {
        return switch (value) {
            case null -> "None";
            case String text -> quoted(text);
            case Boolean truth -> truth ? "True" : "False";
            case Double number -> number(number);
            case Undefined _ -> "";
            case List<?> list -> joined("[", list, "]");
            case Tuple tuple ->
                    tuple.items().size() == 1
                            ? "(" + repr(tuple.items().getFirst()) + ",)"
                            : joined("(", tuple.items(), ")");
            case Map<?, ?> map -> {
                List<String> fields = new ArrayList<>();
                map.forEach((key, field) -> fields.add(repr(key) + ": " + repr(field)));
                yield bounded("{" + String.join(", ", fields) + "}");
            }
            case Number number -> number.toString();
            default ->
                    throw new TemplateException(
                            "writes a function or a namespace, which is no text");
        };
    }

    private static String joined(String before, List<?> items, String behind) {
        return bounded(
                before + String.join(", ", items.stream().map(PyText::repr).toList()) + behind);
    }

    /** The shortest digits that read back, with an exponent below 1e-4 and from 1e16 on. */
    static String number(double value) {
        if (!Double.isFinite(value)) {
            return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }
        if (value == 0) {
            return 1 / value < 0 ? "-0.0" : "0.0";
        }
        BigDecimal digits = new BigDecimal(Double.toString(value)).stripTrailingZeros();
        int exponent = digits.precision() - digits.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            String plain = digits.toPlainString();
            return plain.contains(".") ? plain : plain + ".0";
        }
        String unscaled = digits.unscaledValue().abs().toString();
        String mantissa =
                unscaled.length() == 1
                        ? unscaled
                        : unscaled.charAt(0) + "." + unscaled.substring(1);
        return (value < 0 ? "-" : "")
                + mantissa
                + (exponent < 0 ? "e-" : "e+")
                + (Math.abs(exponent) < 10 ? "0" : "")
                + Math.abs(exponent);
    }

    private static String quoted(String text) {
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        StringBuilder out = new StringBuilder().append(quote);
        text.codePoints()
                .forEach(c -> {
                    switch (c) {
                        case '\\' -> out.append("\\\\");
                        case '\n' -> out.append("\\n");
                        case '\r' -> out.append("\\r");
                        case '\t' -> out.append("\\t");
                        default -> {
                            if (c == quote) {
                                out.append('\\').append(quote);
                            } else if (isPrintable(c)) {
                                out.appendCodePoint(c);
                            } else {
                                String pattern =
                                        c < 256 ? "\\x%02x" : c < 65536 ? "\\u%04x" : "\\U%08x";
                                out.append(pattern.formatted(c));
                            }
                        }
                    }
                });
        return out.append(quote).toString();
    }

    private static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR ->
                    false;
            case Character.SPACE_SEPARATOR -> c == ' ';
            default -> true;
        };
    }

    /** A string literal's value; an escape that Python does not know stays as it is. */
    static String unescaped(String literal) {
        if (literal.indexOf('\\') < 0) {
            return literal;
        }
        StringBuilder out = new StringBuilder();
        int at = 0;
        while (at < literal.length()) {
            char c = literal.charAt(at++);
            if (c != '\\') {
                out.append(c);
                continue;
            }
            char escape = literal.charAt(at++);
            switch (escape) {
                case 'n' -> out.append('\n');
                case 't' -> out.append('\t');
                case 'r' -> out.append('\r');
                case 'b' -> out.append('\b');
                case 'f' -> out.append('\f');
                case 'a' -> out.append('\u0007');
                case 'v' -> out.append('\u000b');
                case '\\', '\'', '"' -> out.append(escape);
                case '\n' -> {}
                case 'x' -> at = coded(literal, at, 2, out);
                case 'u' -> at = coded(literal, at, 4, out);
                case 'U' -> at = coded(literal, at, 8, out);
                case '0', '1', '2', '3', '4', '5', '6', '7', 'N' ->
                        throw new TemplateException(
                                "has the escape '\\" + escape + "', which is not known");
                default -> out.append('\\').append(escape);
            }
        }
        return out.toString();
    }

    private static int coded(String literal, int at, int digits, StringBuilder out) {
        try {
            out.appendCodePoint(Integer.parseInt(literal, at, at + digits, 16));
            return at + digits;
        } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
            throw new TemplateException("has an escape that names no character");
        }
    }
}
