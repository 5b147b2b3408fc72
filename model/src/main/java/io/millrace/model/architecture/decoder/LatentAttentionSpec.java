package io.millrace.model.architecture.decoder;

import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.LatentHeads;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RopeSpec;

/**
 * Self-attention whose keys and values are expanded of one narrow vector a token (DeepSeek's MLA,
 * arXiv 2405.04434).
 *
 * @param queries makes the queries
 * @param keys makes of the narrow vector each head's part of a key that does not turn, and its
 *     value; the part of keys that turns comes behind that vector, and is not normed
 * @param heads the heads
 * @param rope rotary embedding of the part that turns
 * @param attend where the heads lie in a row, and what a query sees
 * @param output from the heads' values to the hidden size
 */
public record LatentAttentionSpec(
        Narrowed queries,
        Narrowed keys,
        LatentHeads heads,
        RopeSpec rope,
        AttendSpec attend,
        LinearSpec output)
        implements AttentionPart {
    /**
     * A product by way of a narrow vector.
     *
     * @param narrow makes the vector, or null where there is none
     * @param norm the norm of that, or null
     * @param expand makes the result
     */
    public record Narrowed(LinearSpec narrow, NormSpec norm, LinearSpec expand) {}
}
