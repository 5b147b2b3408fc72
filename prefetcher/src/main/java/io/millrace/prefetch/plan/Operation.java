package io.millrace.prefetch.plan;

import io.millrace.memory.DType;

/** A piece of a visit's work, in the terms in which machines are measured. */
public sealed interface Operation {
    /**
     * A product with weights, {@code times} times.
     *
     * @param rows rows of the left factor, padding included
     * @param inputs length of the sums
     * @param outputs columns of the result
     * @param times how often, once for each scale of a probe
     */
    record Matmul(long rows, long inputs, long outputs, long times) implements Operation {
        /** Multiplications and additions. */
        public double flops() {
            return 2.0 * rows * inputs * outputs * times;
        }
    }

    /**
     * A pass over stored parameters: widen, apply updates, and write θ ± εz or store.
     *
     * @param elements how many
     * @param dtype how they are stored
     * @param terms generations of z
     * @param writes whether θ ± εz are written
     * @param stores whether the parameters are rounded and stored
     */
    record Form(long elements, DType dtype, double terms, boolean writes, boolean stores)
            implements Operation {}

    /**
     * Causal attention of heads over sequences.
     *
     * @param tokens tokens of a sequence
     * @param headSize elements of a head
     * @param times heads, sequences and scales together
     */
    record Attend(long tokens, long headSize, long times) implements Operation {
        /** Multiplications and additions of both products, causal half included only. */
        public double flops() {
            return 2.0 * tokens * tokens * headSize * times;
        }
    }

    /**
     * A function of every element.
     *
     * @param kind which
     * @param elements of all scales
     */
    record Pass(Kind kind, double elements) implements Operation {}

    /**
     * Hand-overs of parallel work, which small operators mostly consist of.
     *
     * @param times how many
     */
    record Dispatch(double times) implements Operation {}

    /** Functions that differ in cost. */
    enum Kind {
        /** A norm over rows. */
        NORM("norm"),
        /** An activation without exponentials. */
        RELU("relu"),
        /** An activation with exponentials, or a gated product. */
        ACTIVATION("activation"),
        /** Rotary embedding of queries and keys. */
        ROTARY("rotary"),
        /** Maximum and sum of exponentials of logits. */
        LOSS("loss"),
        /** A copy or sum of rows. */
        COPY("copy");

        private final String label;

        Kind(String label) {
            this.label = label;
        }

        /** The name in a machine's file. */
        public String label() {
            return label;
        }
    }
}
