package io.millrace.model.text;

import java.util.stream.IntStream;

/**
 * The batch of each step, a pure function of the step. The epochs' permutations stand one behind
 * the other, and step t takes the t-th run of {@code batchSize} of them: a batch at the end of an
 * epoch takes the rest from the next one, so that every batch is full, also when there are fewer
 * examples than the batch is large.
 */
public final class BatchSampler {
    /** The order of the examples in an epoch: a pure function, so that resuming needs no state. */
    @FunctionalInterface
    public interface Shuffle {
        /** The file's order in every epoch. */
        Shuffle NONE = (n, epoch) -> IntStream.range(0, n).toArray();

        /**
         * A permutation of 0 to n - 1.
         *
         * @param n number of examples
         * @param epoch from 0
         */
        int[] permutation(int n, long epoch);
    }

    private final int examples;
    private final int batchSize;
    private final Shuffle shuffle;

    // A memory of a pure function, not state; whoever loses a race computes it once more.
    private volatile Epoch lastEpoch;

    /**
     * A sampler.
     *
     * @param examples how many there are, at least one
     * @param batchSize rows in each batch, at least 1
     * @param shuffle the order in each epoch
     */
    public BatchSampler(int examples, int batchSize, Shuffle shuffle) {
        if (examples < 1 || batchSize < 1) {
            throw new IllegalArgumentException(examples + " examples in batches of " + batchSize);
        }
        this.examples = examples;
        this.batchSize = batchSize;
        this.shuffle = shuffle;
        lastEpoch = epoch(0);
    }

    /** The examples of a step's batch, counted from 1, as indices into the data. */
    public int[] indices(long step) {
        if (step < 1) {
            throw new IllegalArgumentException("step " + step + ", and steps count from 1");
        }
        long first = Math.multiplyExact(step - 1, (long) batchSize);
        int[] indices = new int[batchSize];
        Epoch current = lastEpoch;
        for (int row = 0; row < batchSize; row++) {
            long at = first + row;
            long number = at / examples;
            if (current.number() != number) {
                current = epoch(number);
            }
            indices[row] = current.order()[(int) (at % examples)];
        }
        lastEpoch = current;
        return indices;
    }

    private Epoch epoch(long number) {
        int[] order = shuffle.permutation(examples, number);
        if (order.length != examples) {
            throw new IllegalStateException(
                    "a permutation of " + order.length + " for " + examples + " examples");
        }
        return new Epoch(number, order);
    }

    @SuppressWarnings("ArrayRecordComponent")
    private record Epoch(long number, int[] order) {}
}
