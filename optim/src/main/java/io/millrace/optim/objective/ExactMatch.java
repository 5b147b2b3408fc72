package io.millrace.optim.objective;

import java.util.List;

/**
 * The share of answers that are none of the right ones, both compared as SQuAD's evaluation does:
 * word by word, without regard to case, punctuation and articles.
 *
 * @param maxNewTokens the most tokens that an answer may have
 */
public record ExactMatch(int maxNewTokens) implements AnswerObjective {
    /** The name on the command line and in the journal. */
    public static final String NAME = "exact-match";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public double of(String answer, List<String> right) {
        List<String> words = AnswerWords.of(answer);
        return right.stream().anyMatch(one -> AnswerWords.of(one).equals(words)) ? 0 : 1;
    }
}
