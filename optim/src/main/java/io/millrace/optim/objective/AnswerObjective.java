package io.millrace.optim.objective;

import java.util.List;

/** What is made of greedy answers to prompts; the mean over examples counts. */
public non-sealed interface AnswerObjective extends Objective {
    /** The most tokens that an answer may have. */
    int maxNewTokens();

    /**
     * The value of one example, 0 where nothing could be better.
     *
     * @param answer what the model wrote, without space at its ends
     * @param right the answers that are right, at least one
     */
    double of(String answer, List<String> right);
}
