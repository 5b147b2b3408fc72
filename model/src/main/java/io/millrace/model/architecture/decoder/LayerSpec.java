package io.millrace.model.architecture.decoder;

import io.millrace.model.spec.NormSpec;

/**
 * One block. {@code PRE}: {@code h += attn(norm(h)); h += mlp(norm(h))}; {@code POST}: {@code h =
 * norm(h + attn(h)); h = norm(h + mlp(h))}; {@code PARALLEL}: {@code h += attn(norm1(h)) +
 * mlp(norm2(h))}.
 *
 * @param order where the norms stand
 * @param attentionNorm the norm of the attention part, or null where it reads the stream itself
 * @param attention the attention part
 * @param attentionOutNorm norm on the attention part's result before it is added, or null (Gemma 2)
 * @param mlpNorm the norm of the feed-forward part, or null where that reads the stream itself or,
 *     where parts are parallel, what the attention part reads
 * @param mlp the feed-forward part
 * @param mlpOutNorm norm on the feed-forward part's result before it is added, or null
 * @param scale factor on what each part adds, 1 in most models (Granite)
 */
public record LayerSpec(
        Order order,
        NormSpec attentionNorm,
        AttentionPart attention,
        NormSpec attentionOutNorm,
        NormSpec mlpNorm,
        FeedForward mlp,
        NormSpec mlpOutNorm,
        float scale) {
    /** A layer whose parts are added as they are. */
    public static LayerSpec plain(
            Order order,
            NormSpec attentionNorm,
            AttentionPart attention,
            NormSpec mlpNorm,
            FeedForward mlp) {
        return new LayerSpec(order, attentionNorm, attention, null, mlpNorm, mlp, null, 1);
    }

    /** Where the norms stand. */
    public enum Order {
        /** Before each part; parts in sequence. */
        PRE,
        /** After each sum. */
        POST,
        /** Before each part; both parts read the same hidden state. */
        PARALLEL
    }
}
