package io.millrace.model.spec;

/** Which positions a query sees. */
public sealed interface Mask {
    /** Itself and all before it. */
    record Causal() implements Mask {}

    /**
     * Itself and the last ones before it.
     *
     * @param positions how many, itself included; at least 1
     */
    record Window(int positions) implements Mask {
        /** Checks that it is one. */
        public Window {
            if (positions < 1) {
                throw new IllegalArgumentException("a window of " + positions + " positions");
            }
        }
    }
}
