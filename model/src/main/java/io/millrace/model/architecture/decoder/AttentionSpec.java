package io.millrace.model.architecture.decoder;

import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadColumns;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RelativeRows;
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
 * @param headNorms norms of heads before the rotary step that have factors of their own
 * @param relative what distance has to say, or null (DeBERTa)
 */
public record AttentionSpec(
        List<LinearSpec> projections,
        AttendSpec attend,
        RopeSpec rope,
        NormSpec queryNorm,
        NormSpec keyNorm,
        LinearSpec output,
        List<HeadNorm> headNorms,
        Relative relative)
        implements AttentionPart {

    public AttentionSpec {
        projections = List.copyOf(projections);
        headNorms = List.copyOf(headNorms);
    }

    /**
     * A norm of some heads.
     *
     * @param apart whether each has a factor of its own
     */
    public record HeadNorm(NormSpec norm, HeadColumns heads, boolean apart) {}

    /**
     * What scores get from how far tokens are apart, out of the table that the embedding carries.
     *
     * @param rows which row of it two tokens have
     * @param keys from a row to what queries are multiplied with, or null
     * @param queries from a row to what keys are multiplied with, or null
     */
    public record Relative(RelativeRows rows, LinearSpec keys, LinearSpec queries) {}

    /** Attention that content alone decides. */
    public AttentionSpec(
            List<LinearSpec> projections,
            AttendSpec attend,
            RopeSpec rope,
            NormSpec queryNorm,
            NormSpec keyNorm,
            LinearSpec output) {
        this(projections, attend, rope, queryNorm, keyNorm, output, List.of(), null);
    }

    /** The same with norms of heads that have factors of their own. */
    public AttentionSpec withHeadNorms(List<HeadNorm> norms) {
        return new AttentionSpec(
                projections, attend, rope, queryNorm, keyNorm, output, norms, relative);
    }

    /** The same with what distance has to say. */
    public AttentionSpec withRelative(Relative part) {
        return new AttentionSpec(
                projections, attend, rope, queryNorm, keyNorm, output, headNorms, part);
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
