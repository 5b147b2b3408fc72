package io.millrace.stream;

import java.util.List;

/**
 * What a pass gave.
 *
 * @param pass its number, from 1
 * @param outputs of the blocks, in their order; not to be changed
 * @param visited blocks that came: fewer than all where the journal knew what some gave
 * @param overlap of those visits
 */
public record PassResult(long pass, List<double[]> outputs, int visited, Overlap overlap) {
    /** Freezes the list. */
    public PassResult {
        outputs = List.copyOf(outputs);
    }

    /** The outputs one behind the other. */
    public double[] joined() {
        double[] all = new double[outputs.stream().mapToInt(one -> one.length).sum()];
        int end = 0;
        for (double[] one : outputs) {
            System.arraycopy(one, 0, all, end, one.length);
            end += one.length;
        }
        return all;
    }

    /**
     * The outputs added up, element by element, in the order of the blocks.
     *
     * @throws IllegalStateException where they are not of one length
     */
    public double[] sum() {
        double[] sum = new double[outputs.getFirst().length];
        for (double[] one : outputs) {
            if (one.length != sum.length) {
                throw new IllegalStateException(
                        "outputs of " + sum.length + " and of " + one.length + " numbers");
            }
            for (int i = 0; i < sum.length; i++) {
                sum[i] += one[i];
            }
        }
        return sum;
    }
}
