package io.millrace.model.architecture;

import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RopeSpec;
import java.util.List;

/**
 * Causal self-attention. The projections write side by side into one row per token; query head h
 * begins at column {@code queryStart + h · queryStride} of that row, and keys and values likewise
 * for key/value heads.
 *
 * @param projections matrices whose outputs lie side by side, in order (q, k, v; or one fused)
 * @param heads number of query heads
 * @param kvHeads number of key/value heads; divides {@code heads}
 * @param headDim elements of a head
 * @param queryStart column of query head 0
 * @param queryStride columns from one query head to the next
 * @param keyStart column of key head 0
 * @param keyStride columns from one key head to the next
 * @param valueStart column of value head 0
 * @param valueStride columns from one value head to the next
 * @param scale factor on q·k
 * @param rope rotary embedding, or null
 * @param window a query sees this many positions, itself included; 0 for all before it
 * @param queryNorm norm over each query head before the rotary step, or null (Qwen3)
 * @param keyNorm norm over each key head before the rotary step, or null
 * @param softcap c in {@code c · tanh(score / c)}, 0 for none
 * @param output from heads · headDim to the hidden size
 */
record AttentionSpec(
        List<LinearSpec> projections,
        int heads,
        int kvHeads,
        int headDim,
        int queryStart,
        int queryStride,
        int keyStart,
        int keyStride,
        int valueStart,
        int valueStride,
        float scale,
        RopeSpec rope,
        int window,
        NormSpec queryNorm,
        NormSpec keyNorm,
        float softcap,
        LinearSpec output) {

    AttentionSpec {
        projections = List.copyOf(projections);
    }

    /** Columns of one token's row of projections. */
    int rowWidth() {
        return projections.stream().mapToInt(LinearSpec::outputs).sum();
    }
}
