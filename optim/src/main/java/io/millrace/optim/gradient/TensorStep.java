package io.millrace.optim.gradient;

/**
 * What a step does to one tensor: passes over all of its tiles, the last of which changes it.
 * Within a pass tiles come in any order and at the same time; between passes one thread runs.
 */
public interface TensorStep {
    /**
     * Looks at all of the tensor before the first pass: of a rule that {@linkplain
     * GradientRule#wantsWhole wants it}, and else not called.
     *
     * @param tensor valid until the last pass is over
     */
    default void begin(WholeTensor tensor) {}

    /** How many passes; what is not the last changes nothing. */
    default int passes() {
        return 1;
    }

    /** Numbers that each tile adds up in a pass. */
    default int sums(int pass) {
        return 0;
    }

    /**
     * Works on a tile.
     *
     * @param pass from 0
     * @param sums as many zeros as {@link #sums} says; what is put there is added up over the tiles
     */
    void tile(int pass, Tile tile, double[] sums);

    /**
     * Hears that a pass is over.
     *
     * @param sums over all tiles, in the order of the tiles
     * @param states all numbers of those states that are not of elements, by their place in {@link
     *     GradientRule#kept}, null for the others; what is left there after the last pass is stored
     */
    default void passed(int pass, double[] sums, float[][] states) {}
}
