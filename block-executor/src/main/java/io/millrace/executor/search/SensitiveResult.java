package io.millrace.executor.search;

import java.util.List;

/**
 * What was chosen.
 *
 * @param tensors with elements among the chosen, in order of their ids; none where it was stopped
 * @param elements of all trained tensors
 * @param score of the least of the chosen
 * @param interrupted whether it was asked to stop before it had all slopes
 */
public record SensitiveResult(
        List<Chosen> tensors, long elements, float score, boolean interrupted) {
    /** Freezes the list. */
    public SensitiveResult {
        tensors = List.copyOf(tensors);
    }

    /**
     * The chosen elements of a tensor.
     *
     * @param name of the tensor
     * @param chosen how many
     * @param elements that it has
     */
    public record Chosen(String name, long chosen, long elements) {}

    /** How many were chosen. */
    public long chosen() {
        return tensors.stream().mapToLong(Chosen::chosen).sum();
    }
}
