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
     * A matrix that products read as it is stored.
     *
     * @param elements how many
     * @param dtype how they are stored
     * @param direct whether products read them where they lie; else they are widened in passing
     */
    record Stored(long elements, DType dtype, boolean direct) implements Operation {}

    /**
     * Making thin factors of low-rank directions.
     *
     * @param elements how many
     */
    record Factor(double elements) implements Operation {}

    /**
     * The thin products beside a product with a matrix, {@code times} times.
     *
     * @param rows rows of the left factor
     * @param inputs length of the first product's sums
     * @param outputs columns of the second's result
     * @param rank columns of the first's and length of the second's sums
     * @param times how often, once for each scale of a probe
     */
    record Side(long rows, long inputs, long outputs, int rank, long times) implements Operation {}

    /**
     * A product of thin factors that is added to a matrix.
     *
     * @param elements of the matrix
     * @param terms columns of the factors
     */
    record Terms(long elements, long terms) implements Operation {}

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
