package io.millrace.model.architecture.decoder;

import io.millrace.model.spec.Activation;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;

/**
 * From the last hidden state to logits: {@code softcap(logits(scale ·
 * transform(projection(norm(h)))))}.
 *
 * @param norm the final norm, or null (OPT-350m)
 * @param projection from the hidden size to the embedding width, or null
 * @param transform what comes before the logits, or null
 * @param logits the output matrix [vocab, width], the embedding table itself when tied
 * @param softcap c in {@code c · tanh(x / c)}, 0 for none
 * @param scale factor on what is multiplied, 1 in most models
 */
public record HeadSpec(
        NormSpec norm,
        LinearSpec projection,
        Transform transform,
        LinearSpec logits,
        float softcap,
        float scale) {
    /**
     * {@code norm(activation(dense(x)))}, what masked language models have before their logits.
     *
     * @param dense a matrix
     * @param activation of what it gives
     * @param norm of that, or null
     */
    public record Transform(LinearSpec dense, Activation activation, NormSpec norm) {}

    /** A head without a transform, as decoders have it. */
    public HeadSpec(
            NormSpec norm, LinearSpec projection, LinearSpec logits, float softcap, float scale) {
        this(norm, projection, null, logits, softcap, scale);
    }

    /** A norm and the logits. */
    public static HeadSpec of(NormSpec norm, LinearSpec logits) {
        return new HeadSpec(norm, null, logits, 0, 1);
    }
}
