package io.millrace.model.architecture;

import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;

/**
 * From the last hidden state to logits: {@code softcap(logits(projection(norm(h))))}.
 *
 * @param norm the final norm, or null (OPT-350m)
 * @param projection from the hidden size to the embedding width, or null
 * @param logits the output matrix [vocab, width], the embedding table itself when tied
 * @param softcap c in {@code c · tanh(x / c)}, 0 for none
 */
record HeadSpec(NormSpec norm, LinearSpec projection, LinearSpec logits, float softcap) {}
