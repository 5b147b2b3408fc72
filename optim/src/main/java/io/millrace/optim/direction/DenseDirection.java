package io.millrace.optim.direction;

/**
 * A direction z that has a value for every element of every tensor, computed from (seed, tensor,
 * element) alone. Implementations hold no state and may be used from any thread.
 */
public non-sealed interface DenseDirection extends Direction {
    /**
     * Writes z for consecutive elements.
     *
     * @param seed the query's seed
     * @param tensorId the tensor's index among the sorted trainable names
     * @param firstElement row-major index of the first element; any value ≥ 0, no alignment needed
     * @param z where the values go, from index {@code offset}
     * @param offset first index written
     * @param count how many
     */
    void fill(long seed, int tensorId, long firstElement, float[] z, int offset, int count);
}
