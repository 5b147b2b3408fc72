package io.millrace.optim.objective;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * 1 − F1 of an answer's words, with the right answer that it is nearest to: SQuAD's measure (arXiv
 * 1606.05250, section 6.1), as MeZO climbs it (arXiv 2305.17333, section 3.3). Where either side
 * has no words, only two empty ones agree.
 *
 * @param maxNewTokens the most tokens that an answer may have
 */
public record AnswerF1(int maxNewTokens) implements AnswerObjective {
    /** The name on the command line and in the journal. */
    public static final String NAME = "f1";

    /** Where there is no answer, only that is right, and no word of it. */
    private static final Set<String> NONE = Set.of("CANNOTANSWER", "no answer");

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public double of(String answer, List<String> right) {
        List<String> words = AnswerWords.of(answer);
        if (NONE.contains(right.getFirst())) {
            return words.equals(AnswerWords.of(right.getFirst())) ? 0 : 1;
        }
        return 1
                - right.stream()
                        .mapToDouble(one -> f1(words, AnswerWords.of(one)))
                        .max()
                        .orElseThrow();
    }

    private static double f1(List<String> answer, List<String> right) {
        if (answer.isEmpty() || right.isEmpty()) {
            return answer.isEmpty() && right.isEmpty() ? 1 : 0;
        }
        List<String> unmatched = new ArrayList<>(right);
        int common = 0;
        for (String word : answer) {
            if (unmatched.remove(word)) {
                common++;
            }
        }
        return 2.0 * common / (answer.size() + right.size());
    }
}
