package io.millrace.optim.option;

import io.millrace.memory.ByteSize;
import io.millrace.memory.DType;
import io.millrace.optim.option.OptionType.Form;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The types that options have. */
public final class OptionTypes {
    /** Any text. */
    public static final OptionType<String> TEXT = OptionType.spelled(text -> text, text -> text);

    /** A whole number of 32 bits. */
    public static final OptionType<Integer> INTEGER =
            OptionType.word(
                    OptionTypes::integer,
                    json -> {
                        long value = whole(json);
                        if (value != (int) value) {
                            throw tooLong(json);
                        }
                        return (int) value;
                    },
                    value -> value);

    /** A whole number of 64 bits. */
    public static final OptionType<Long> COUNT =
            OptionType.word(OptionTypes::count, OptionTypes::whole, value -> value);

    /** A number, as near as double has it. */
    public static final OptionType<Double> NUMBER =
            OptionType.word(OptionTypes::number, OptionTypes::decimal, value -> value);

    /** True or false; alone on the command line. */
    public static final OptionType<Boolean> FLAG =
            new OptionType<>(
                    Form.FLAG,
                    words -> {
                        throw new IllegalArgumentException(words + " is not taken by a flag");
                    },
                    json -> {
                        if (json instanceof Boolean truth) {
                            return truth;
                        }
                        throw new IllegalArgumentException(quoted(json) + " is not true or false");
                    },
                    value -> value);

    /** A file or folder. */
    public static final OptionType<Path> PATH =
            OptionType.spelled(OptionTypes::path, Path::toString);

    /** Bytes, {@code 18GiB} or their number. */
    public static final OptionType<Long> SIZE =
            OptionType.word(
                    ByteSize::parse,
                    json -> json instanceof String text ? ByteSize.parse(text) : whole(json),
                    value -> value);

    /** A dtype that weights can be tuned in. */
    public static final OptionType<DType> DTYPE =
            OptionType.spelled(OptionTypes::dtype, DType::torchName);

    /** Words: one text with commas between them, or each by itself. */
    public static final OptionType<List<String>> WORDS =
            new OptionType<>(
                    Form.LIST,
                    texts ->
                            texts.size() == 1
                                    ? List.of(texts.getFirst().split(",", -1))
                                    : List.copyOf(texts),
                    OptionTypes::words,
                    words -> words);

    /** Texts, each by itself, whatever commas they have. */
    public static final OptionType<List<String>> TEXTS =
            new OptionType<>(Form.LIST, List::copyOf, OptionTypes::words, texts -> texts);

    /** Numbers: one text with commas between them, or each by itself. */
    public static final OptionType<List<Double>> NUMBERS =
            new OptionType<>(
                    Form.LIST,
                    texts -> WORDS.parse().apply(texts).stream().map(OptionTypes::number).toList(),
                    OptionTypes::numbers,
                    numbers -> numbers);

    private OptionTypes() {}

    /** One of an enum's constants, spelled by {@link #spelling}. */
    public static <E extends Enum<E>> OptionType<E> oneOf(E[] constants) {
        return oneOf(constants, OptionTypes::spelling);
    }

    /** One of an enum's constants by names of their own. */
    public static <E extends Enum<E>> OptionType<E> oneOf(E[] constants, Function<E, String> name) {
        return OptionType.spelled(
                text ->
                        Arrays.stream(constants)
                                .filter(constant -> name.apply(constant).equals(text))
                                .findFirst()
                                .orElseThrow(() ->
                                        new IllegalArgumentException(
                                                "'"
                                                        + text
                                                        + "' is not one of "
                                                        + Arrays.stream(constants)
                                                                .map(name)
                                                                .collect(
                                                                        Collectors.joining(", ")))),
                name::apply);
    }

    /** A constant as the command line and files spell it, such as {@code accuracy}. */
    public static String spelling(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static int integer(String text) {
        return parsed(text, Integer::parseInt, " is not a whole number up to " + Integer.MAX_VALUE);
    }

    private static long count(String text) {
        return parsed(text, Long::parseLong, " is not a whole number");
    }

    private static double number(String text) {
        return parsed(text, Double::parseDouble, " is not a number");
    }

    private static <T> T parsed(String text, Function<String, T> parse, String isNot) {
        try {
            return parse.apply(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("'" + text + "'" + isNot, e);
        }
    }

    private static Path path(String text) {
        if (text.isBlank()) {
            throw new IllegalArgumentException("the path is empty");
        }
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("'" + text + "' is not a path", e);
        }
    }

    private static DType dtype(String text) {
        return DType.find(text)
                .filter(DType::isTrainable)
                .orElseThrow(() ->
                        new IllegalArgumentException(
                                "'" + text + "' is not float32, bfloat16 or float16"));
    }

    private static long whole(Object json) {
        if (json instanceof Long value) {
            return value;
        }
        if (json instanceof Integer value) {
            return value;
        }
        throw new IllegalArgumentException(quoted(json) + " is not a whole number");
    }

    private static double decimal(Object json) {
        if (json instanceof Number value) {
            return value.doubleValue();
        }
        throw new IllegalArgumentException(quoted(json) + " is not a number");
    }

    private static List<String> words(Object json) {
        if (json instanceof String text) {
            return List.of(text.split(",", -1));
        }
        if (json instanceof List<?> list && list.stream().allMatch(String.class::isInstance)) {
            return list.stream().map(String.class::cast).toList();
        }
        throw new IllegalArgumentException(quoted(json) + " is not a list of words");
    }

    private static List<Double> numbers(Object json) {
        if (json instanceof List<?> list) {
            return list.stream().map(OptionTypes::decimal).toList();
        }
        return words(json).stream().map(OptionTypes::number).toList();
    }

    private static IllegalArgumentException tooLong(Object json) {
        return new IllegalArgumentException(
                json + " is not a whole number up to " + Integer.MAX_VALUE);
    }

    private static String quoted(Object json) {
        return json instanceof String text ? "'" + text + "'" : String.valueOf(json);
    }
}
