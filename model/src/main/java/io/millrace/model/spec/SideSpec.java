package io.millrace.model.spec;

import java.util.Optional;

/**
 * What a trained product of thin factors adds to a product with a matrix: {@code y += scale · (x
 * Aᵀ) Bᵀ}.
 *
 * @param first name of A [rank, inputs]
 * @param second name of B [outputs, rank]
 * @param rank columns of x Aᵀ
 * @param scale factor on it
 * @param windows of which A is drawn and not trained; empty of a LoRA
 */
public record SideSpec(
        String first, String second, int rank, float scale, Optional<Windows> windows) {
    /**
     * Windows of low-rank directions, one after another along the rank.
     *
     * @param rank of each
     * @param steps of each
     */
    public record Windows(int rank, int steps) {}

    /** A product of which both factors are trained. */
    public SideSpec(String first, String second, int rank, float scale) {
        this(first, second, rank, scale, Optional.empty());
    }

    /** Checks the rank. */
    public SideSpec {
        if (rank < 1) {
            throw new IllegalArgumentException(first + " has rank " + rank);
        }
    }
}
