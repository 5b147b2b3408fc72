package io.millrace.executor.step;

/**
 * What of a pass can be asked apart from the rest without another bit of an answer. Micro-batches
 * always can; queries whose rows go through one product cannot, since a product's shape decides in
 * which order it sums.
 *
 * @param scalesAtOnce scales of the queries that share products, as they are cut in order; 0 where
 *     each query goes alone
 * @param scalesApart whether the scales of a query that goes alone have nothing in common
 */
public record Grain(int scalesAtOnce, boolean scalesApart) {
    /** Of what nothing is known: all queries belong together. */
    public static final Grain WHOLE = new Grain(Integer.MAX_VALUE, false);
}
