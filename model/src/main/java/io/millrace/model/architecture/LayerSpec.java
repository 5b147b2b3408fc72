package io.millrace.model.architecture;

import io.millrace.model.spec.NormSpec;

/**
 * One block. {@code PRE}: {@code h += attn(norm(h)); h += mlp(norm(h))}; {@code POST}: {@code h =
 * norm(h + attn(h)); h = norm(h + mlp(h))}; {@code PARALLEL}: {@code h += attn(norm1(h)) +
 * mlp(norm2(h))}.
 *
 * @param order where the norms stand
 * @param attentionNorm the norm of the attention part
 * @param attention the attention part
 * @param attentionOutNorm norm on the attention part's result before it is added, or null (Gemma 2)
 * @param mlpNorm the norm of the feed-forward part
 * @param mlp the feed-forward part
 * @param mlpOutNorm norm on the feed-forward part's result before it is added, or null
 */
record LayerSpec(
        Order order,
        NormSpec attentionNorm,
        AttentionSpec attention,
        NormSpec attentionOutNorm,
        NormSpec mlpNorm,
        MlpSpec mlp,
        NormSpec mlpOutNorm) {
    /** Where the norms stand. */
    enum Order {
        /** Before each part; parts in sequence. */
        PRE,
        /** After each sum. */
        POST,
        /** Before each part; both parts read the same hidden state. */
        PARALLEL
    }
}
