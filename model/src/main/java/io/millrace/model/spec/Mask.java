package io.millrace.model.spec;

/** Which positions a query sees. */
public sealed interface Mask {
    /** Itself and all before it. */
    record Causal() implements Mask {}

    /** All of its sequence, before and behind it. */
    record Full() implements Mask {}

    /**
     * Itself and the nearest ones on either side.
     *
     * @param reach how many before it, and how many behind it; at least 1
     */
    record Around(int reach) implements Mask {
        /** Checks that there are some. */
        public Around {
            if (reach < 1) {
                throw new IllegalArgumentException("a reach of " + reach + " positions");
            }
        }
    }

    /** Whether a query sees nothing behind its own position, so that a text can be gone on with. */
    default boolean isCausal() {
        return switch (this) {
            case Causal _, Window _ -> true;
            case Full _, Around _ -> false;
        };
    }

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
