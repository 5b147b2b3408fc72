package io.millrace.model.text;

import java.util.List;

/**
 * A prompt whose answer the model writes.
 *
 * @param prompt its ids, at least one
 * @param right the answers that are right, at least one
 */
@SuppressWarnings("ArrayRecordComponent") // shared and never written
public record Question(int[] prompt, List<String> right) {
    /** Freezes the list. */
    public Question {
        right = List.copyOf(right);
    }
}
