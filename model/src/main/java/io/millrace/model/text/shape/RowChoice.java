package io.millrace.model.text.shape;

import java.util.List;

/**
 * What a row asks, and what it offers.
 *
 * @param prompt what stands before each of the texts
 * @param texts the candidates, each as it follows the prompt
 * @param right the one that is right
 */
public record RowChoice(String prompt, List<String> texts, int right) {
    /** Freezes the list. */
    public RowChoice {
        texts = List.copyOf(texts);
    }
}
