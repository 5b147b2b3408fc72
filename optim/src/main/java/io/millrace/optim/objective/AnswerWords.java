package io.millrace.optim.objective;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/**
 * An answer as it is compared (SQuAD's evaluation, as MeZO has it): lower case, without
 * punctuation, without articles, and its words apart.
 */
final class AnswerWords {
    private static final Pattern ARTICLES =
            Pattern.compile("\\b(a|an|the)\\b", Pattern.UNICODE_CHARACTER_CLASS);

    /** The marks of ASCII, as the published evaluation has them; others stay. */
    private static final String PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

    private AnswerWords() {}

    static List<String> of(String text) {
        StringBuilder kept = new StringBuilder();
        text.toLowerCase(Locale.ROOT)
                .chars()
                .filter(c -> PUNCTUATION.indexOf(c) < 0)
                .forEach(c -> kept.append((char) c));
        String words = ARTICLES.matcher(kept).replaceAll(" ");
        return Arrays.stream(words.strip().split("\\s+", -1))
                .filter(word -> !word.isEmpty())
                .toList();
    }
}
