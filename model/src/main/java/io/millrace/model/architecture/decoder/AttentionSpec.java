package io.millrace.model.architecture.decoder;

import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RopeSpec;
import java.util.List;

/**
 * Self-attention: the projections write side by side into one row per token, in which queries, keys
 * and values are found by column.
 *
 * @param projections matrices whose outputs lie side by side, in order (q, k, v; or one fused)
 * @param attend where the heads lie in a row, and what a query sees
 * @param rope rotary embedding, or null
 * @param queryNorm norm over each query head before the rotary step, or null (Qwen3)
 * @param keyNorm norm over each key head before the rotary step, or null
 * @param output from heads · headDim to the hidden size
 */
public record AttentionSpec(
        List<LinearSpec> projections,
        AttendSpec attend,
        RopeSpec rope,
        NormSpec queryNorm,
        NormSpec keyNorm,
        LinearSpec output)
        implements AttentionPart {

    public AttentionSpec {
        projections = List.copyOf(projections);
    }

    /** Attention whose heads are neither normed nor capped. */
    public static AttentionSpec plain(
            List<LinearSpec> projections, AttendSpec attend, RopeSpec rope, LinearSpec output) {
        return new AttentionSpec(projections, attend, rope, null, null, output);
    }

    /** Columns of one token's row of projections. */
    public int rowWidth() {
        return projections.stream().mapToInt(LinearSpec::outputs).sum();
    }
}
