package io.millrace.model.text.jinja;

import io.millrace.model.text.jinja.Callee.Arguments;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import java.util.function.Predicate;

/** The methods of Python's text that templates call. */
final class TextMethods {
    private TextMethods() {}

    /** A method of a text, or null where it is not known. */
    static Callee method(String text, String name) {
        return switch (name) {
            case "strip" -> passed -> PyText.strip(text, chars(passed), true, true);
            case "lstrip" -> passed -> PyText.strip(text, chars(passed), true, false);
            case "rstrip" -> passed -> PyText.strip(text, chars(passed), false, true);
            case "split" -> passed -> split(text, passed);
            case "rsplit" -> passed -> rsplit(text, passed);
            case "splitlines" -> passed -> lines(text, passed);
            case "partition" -> passed -> partition(text, passed.text(0, "sep", null));
            case "startswith" -> passed -> matches(passed, text::startsWith);
            case "endswith" -> passed -> matches(passed, text::endsWith);
            case "removeprefix" ->
                    passed -> {
                        String prefix = passed.text(0, "", null);
                        return text.startsWith(prefix) ? text.substring(prefix.length()) : text;
                    };
            case "removesuffix" ->
                    passed -> {
                        String suffix = passed.text(0, "", null);
                        return text.endsWith(suffix)
                                ? text.substring(0, text.length() - suffix.length())
                                : text;
                    };
            case "upper" -> _ -> text.toUpperCase(Locale.ROOT);
            case "lower" -> _ -> text.toLowerCase(Locale.ROOT);
            case "capitalize" -> _ -> capitalized(text);
            case "title" -> _ -> titled(text);
            case "replace" ->
                    passed ->
                            replaced(
                                    text,
                                    passed.text(0, "old", null),
                                    passed.text(1, "new", null),
                                    passed.integer(2, "count", -1));
            case "join" -> passed -> joined(text, passed.get(0, "", null));
            case "find" -> passed -> place(text, text.indexOf(passed.text(0, "", null)));
            case "rfind" -> passed -> place(text, text.lastIndexOf(passed.text(0, "", null)));
            case "index" -> passed -> index(text, passed.text(0, "", null));
            case "count" -> passed -> count(text, passed.text(0, "", null));
            case "zfill" -> passed -> filled(text, passed.integer(0, "", 0));
            case "isdigit" -> _ -> all(text, Character::isDigit);
            case "isalpha" -> _ -> all(text, Character::isLetter);
            case "isalnum" -> _ -> all(text, Character::isLetterOrDigit);
            case "isspace" -> _ -> all(text, PyText::isSpace);
            case "isupper" -> _ -> isCased(text) && text.equals(text.toUpperCase(Locale.ROOT));
            case "islower" -> _ -> isCased(text) && text.equals(text.toLowerCase(Locale.ROOT));
            case "format", "encode", "center", "ljust", "rjust", "translate", "format_map" ->
                    throw new TemplateException("calls '" + name + "' of a text: not known");
            default -> null;
        };
    }

    private static String chars(Arguments passed) {
        return passed.text(0, "chars", null);
    }

    private static boolean matches(Arguments passed, Predicate<String> matcher) {
        passed.known("startswith or endswith", 1, List.of());
        Object wanted = passed.get(0, "", null);
        return wanted instanceof Tuple any
                ? any.items().stream().anyMatch(one -> matcher.test(PyText.text(one)))
                : matcher.test(passed.text(0, "", null));
    }

    private static List<Object> split(String text, Arguments passed) {
        String separator = passed.text(0, "sep", null);
        long most = limit(passed);
        List<Object> parts = new ArrayList<>();
        if (separator == null) {
            String rest = PyText.stripLeft(text);
            while (!rest.isEmpty()) {
                int end = 0;
                while (end < rest.length() && !PyText.isSpace(rest.charAt(end))) {
                    end++;
                }
                if (parts.size() == most) {
                    end = PyText.stripRight(rest).length();
                    parts.add(rest.substring(0, end));
                    break;
                }
                parts.add(rest.substring(0, end));
                rest = PyText.stripLeft(rest.substring(end));
            }
            return parts;
        }
        requireSeparator(separator);
        int from = 0;
        for (int at = text.indexOf(separator);
                at >= 0 && parts.size() < most;
                at = text.indexOf(separator, from)) {
            parts.add(text.substring(from, at));
            from = at + separator.length();
        }
        parts.add(text.substring(from));
        return parts;
    }

    private static List<Object> rsplit(String text, Arguments passed) {
        String separator = passed.text(0, "sep", null);
        long most = limit(passed);
        if (most == Long.MAX_VALUE) {
            return split(text, passed);
        }
        if (separator == null) {
            throw new TemplateException("calls 'rsplit' with a number and no separator");
        }
        requireSeparator(separator);
        List<Object> parts = new ArrayList<>();
        int to = text.length();
        for (int at = text.lastIndexOf(separator, to - separator.length());
                at >= 0 && parts.size() < most;
                at = text.lastIndexOf(separator, to - separator.length())) {
            parts.add(text.substring(at + separator.length(), to));
            to = at;
        }
        parts.add(text.substring(0, to));
        Collections.reverse(parts);
        return parts;
    }

    private static void requireSeparator(String separator) {
        if (separator.isEmpty()) {
            throw new TemplateException("splits at an empty text");
        }
    }

    private static long limit(Arguments passed) {
        int most = passed.integer(1, "maxsplit", -1);
        return most < 0 ? Long.MAX_VALUE : most;
    }

    private static List<Object> lines(String text, Arguments passed) {
        boolean keepEnds = PyValues.isTrue(passed.get(0, "keepends", false));
        List<Object> lines = new ArrayList<>();
        int from = 0;
        for (int i = 0; i < text.length(); i++) {
            if ("\n\r\u000b\u000c\u001c\u001d\u001e\u0085\u2028\u2029".indexOf(text.charAt(i))
                    < 0) {
                continue;
            }
            int end = text.startsWith("\r\n", i) ? i + 2 : i + 1;
            lines.add(text.substring(from, keepEnds ? end : i));
            from = end;
            i = end - 1;
        }
        if (from < text.length()) {
            lines.add(text.substring(from));
        }
        return lines;
    }

    private static Tuple partition(String text, String separator) {
        requireSeparator(separator);
        int at = text.indexOf(separator);
        return new Tuple(
                at < 0
                        ? List.of(text, "", "")
                        : List.of(
                                text.substring(0, at),
                                separator,
                                text.substring(at + separator.length())));
    }

    static String capitalized(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.offsetByCodePoints(0, 1);
        return text.substring(0, first).toUpperCase(Locale.ROOT)
                + text.substring(first).toLowerCase(Locale.ROOT);
    }

    /** A letter behind anything but a letter is made large, others small. */
    private static String titled(String text) {
        StringBuilder out = new StringBuilder();
        boolean inWord = false;
        for (int c : text.codePoints().toArray()) {
            out.appendCodePoint(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
            inWord = Character.isLetter(c);
        }
        return out.toString();
    }

    static String replaced(String text, String old, String by, int most) {
        if (old.isEmpty() || most < 0) {
            if (old.isEmpty()) {
                throw new TemplateException("replaces an empty text");
            }
            return PyText.bounded(text.replace(old, by));
        }
        StringBuilder out = new StringBuilder();
        int from = 0;
        int done = 0;
        for (int at = text.indexOf(old); at >= 0 && done < most; at = text.indexOf(old, from)) {
            out.append(text, from, at).append(by);
            from = at + old.length();
            done++;
        }
        return PyText.bounded(out.append(text.substring(from)).toString());
    }

    private static String joined(String between, Object parts) {
        StringBuilder out = new StringBuilder();
        String before = "";
        for (Object part : PyValues.elements(parts)) {
            if (!(part instanceof String text)) {
                throw new TemplateException("joins " + PyText.repr(part) + ", which is no text");
            }
            out.append(before).append(text);
            before = between;
        }
        return PyText.bounded(out.toString());
    }

    private static long place(String text, int at) {
        return at < 0 ? -1 : text.codePointCount(0, at);
    }

    private static long index(String text, String part) {
        int at = text.indexOf(part);
        if (at < 0) {
            throw new TemplateException("asks for the place of what is not there");
        }
        return place(text, at);
    }

    private static long count(String text, String part) {
        if (part.isEmpty()) {
            return PyText.length(text) + 1L;
        }
        long count = 0;
        for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length())) {
            count++;
        }
        return count;
    }

    private static String filled(String text, int width) {
        boolean signed = text.startsWith("-") || text.startsWith("+");
        int zeros = Math.clamp((long) width - PyText.length(text), 0, 1 << 16);
        return (signed ? text.substring(0, 1) : "")
                + "0".repeat(zeros)
                + (signed ? text.substring(1) : text);
    }

    private static boolean all(String text, IntPredicate test) {
        return !text.isEmpty() && text.codePoints().allMatch(test);
    }

    private static boolean isCased(String text) {
        return text.codePoints()
                .anyMatch(c -> Character.isUpperCase(c) || Character.isLowerCase(c));
    }
}
