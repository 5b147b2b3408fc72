package io.millrace.api;

import java.util.List;

/**
 * What a model went on with.
 *
 * @param text prompt and continuation; of a conversation the answer alone
 * @param promptIds the prompt's tokens, marks included
 * @param newIds the tokens added, without the end mark
 */
public record Generated(String text, List<Integer> promptIds, List<Integer> newIds) {
    /** Freezes the lists. */
    public Generated {
        promptIds = List.copyOf(promptIds);
        newIds = List.copyOf(newIds);
    }
}
