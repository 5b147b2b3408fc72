package io.millrace.optim.option;

import java.util.List;
import java.util.function.Function;

/**
 * How the value of an option is read and written. What cannot be read is an {@link
 * IllegalArgumentException} whose message says what it is not.
 *
 * @param form how the command line gives it
 * @param parse from the words of the command line: one, or as many as were given of a list
 * @param read from JSON as a parser has it
 * @param json to what JSON writes
 */
public record OptionType<T>(
        Form form,
        Function<List<String>, T> parse,
        Function<Object, T> read,
        Function<T, Object> json) {
    /** How the command line gives an option. */
    public enum Form {
        /** With one value. */
        VALUE,
        /** Alone; it changes what is the usual. */
        FLAG,
        /** With a value, once or several times. */
        LIST
    }

    /** A type whose values are one word. */
    public static <T> OptionType<T> word(
            Function<String, T> parse, Function<Object, T> read, Function<T, Object> json) {
        return new OptionType<>(Form.VALUE, words -> parse.apply(words.getFirst()), read, json);
    }

    /** A type that JSON has as the text that the command line takes. */
    public static <T> OptionType<T> spelled(Function<String, T> parse, Function<T, Object> json) {
        return word(parse, value -> parse.apply(string(value)), json);
    }

    private static String string(Object json) {
        if (json instanceof String text) {
            return text;
        }
        throw new IllegalArgumentException(json + " is not a text");
    }
}
