package io.millrace.optim.direction;

/**
 * What z is along one query. Its kind decides how it is run: a dense one forms θ + s z in scratch
 * memory, one of thin factors leaves θ as it is and adds thin products beside it.
 */
public sealed interface Direction permits DenseDirection, MaskedDirection, FactoredDirection {
    /** The name on the command line and in the journal, such as {@code gaussian}. */
    String name();

    /**
     * Steps for which updates gather in less memory than the weights: a run folds as seldom unless
     * it is told otherwise, and at a divisor of it. 0 where every step is as good as another.
     */
    default int window() {
        return 0;
    }
}
