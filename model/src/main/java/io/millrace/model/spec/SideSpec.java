package io.millrace.model.spec;

/**
 * What a trained product of thin factors adds to a product with a matrix: {@code y += scale · (x
 * Aᵀ) Bᵀ}.
 *
 * @param first name of A [rank, inputs]
 * @param second name of B [outputs, rank]
 * @param rank columns of x Aᵀ
 * @param scale factor on it
 */
public record SideSpec(String first, String second, int rank, float scale) {
    /** Checks the rank. */
    public SideSpec {
        if (rank < 1) {
            throw new IllegalArgumentException(first + " has rank " + rank);
        }
    }
}
