package io.millrace.model.text;

import java.util.stream.IntStream;

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
