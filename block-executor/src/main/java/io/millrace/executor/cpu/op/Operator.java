package io.millrace.executor.cpu.op;

import java.util.Locale;

/** What a worker of a CPU does with its time. */
public enum Operator {
    /** Waits for blocks or for other workers, or does what is no operator's. */
    OTHER,
    /** Folds updates in and forms θ ± εz, or a low-rank direction's factors; rounds operands. */
    FORM,
    /** Multiplies with weights. */
    GEMM,
    /** Multiplies with a low-rank direction's factors. */
    LOW_RANK,
    /** Scores, softmax and mixing of values. */
    ATTENTION,
    /** Layer norms and RMS norms. */
    NORM,
    /** Activations, gates, and sums of states. */
    ACTIVATION,
    /** Rotary positions. */
    ROTARY,
    /** Rows of the embedding tables. */
    EMBEDDING,
    /** From logits to losses. */
    LOSS;

    /** The name in files: lower case. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
