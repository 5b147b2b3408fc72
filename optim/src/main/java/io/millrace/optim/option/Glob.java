package io.millrace.optim.option;

import java.util.Arrays;
import java.util.function.Predicate;
import java.util.regex.Pattern;

/** Patterns of names: {@code *} stands for any text and {@code ?} for a character. */
public final class Glob {
    /** Patterns with commas between them, none of them empty. */
    public static final Limit<String> WELL_FORMED =
            new Limit<>(
                    text -> Arrays.stream(text.split(",", -1)).noneMatch(String::isBlank),
                    text -> "'" + text + "' has an empty pattern",
                    "give patterns with commas between them");

    private Glob() {}

    /** The names that one pattern matches whole. */
    public static Predicate<String> of(String pattern) {
        StringBuilder regex = new StringBuilder();
        for (int i = 0; i < pattern.length(); i++) {
            char one = pattern.charAt(i);
            regex.append(
                    switch (one) {
                        case '*' -> ".*";
                        case '?' -> ".";
                        default -> Pattern.quote(String.valueOf(one));
                    });
        }
        return Pattern.compile(regex.toString()).asMatchPredicate();
    }

    /** The names that any of some patterns with commas between them matches. */
    public static Predicate<String> anyOf(String patterns) {
        return Arrays.stream(patterns.split(",", -1))
                .map(Glob::of)
                .reduce(_ -> false, Predicate::or);
    }
}
