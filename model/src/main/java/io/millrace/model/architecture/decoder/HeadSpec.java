package io.millrace.model.architecture.decoder;

import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;

/**
 * From the last hidden state to logits: {@code softcap(logits(scale · projection(norm(h))))}.
 *
 * @param norm the final norm, or null (OPT-350m)
 * @param projection from the hidden size to the embedding width, or null
 * @param logits the output matrix [vocab, width], the embedding table itself when tied
 * @param softcap c in {@code c · tanh(x / c)}, 0 for none
 * @param scale factor on what is multiplied, 1 in most models
 */
public record HeadSpec(
        NormSpec norm, LinearSpec projection, LinearSpec logits, float softcap, float scale) {
    /** A norm and the logits. */
    public static HeadSpec of(NormSpec norm, LinearSpec logits) {
        return new HeadSpec(norm, null, logits, 0, 1);
    }
}
