package io.millrace.executor;

import io.millrace.model.spec.AttentionSpec;
import io.millrace.model.spec.DecoderSpec;
import io.millrace.model.spec.LayerSpec;
import java.util.function.ToIntFunction;

/**
 * How much a forward may ask of its scratch memory at once.
 *
 * @param batchTokens tokens of all micro-batches together
 * @param microBatchTokens tokens of the largest micro-batch
 * @param headRows rows of a micro-batch whose logits are asked for
 * @param scales scales of all probes together
 * @param scalesPerProbe scales of the probe with the most
 * @param keptTokens tokens whose keys and values stay for later ones; 0 keeps none
 */
record ScratchSize(
        int batchTokens,
        int microBatchTokens,
        int headRows,
        int scales,
        int scalesPerProbe,
        int keptTokens) {

    /** A size that suffices for both. */
    ScratchSize max(ScratchSize other) {
        return new ScratchSize(
                Math.max(batchTokens, other.batchTokens),
                Math.max(microBatchTokens, other.microBatchTokens),
                Math.max(headRows, other.headRows),
                Math.max(scales, other.scales),
                Math.max(scalesPerProbe, other.scalesPerProbe),
                Math.max(keptTokens, other.keptTokens));
    }

    /** The most of something that any layer has. */
    static int widest(DecoderSpec spec, ToIntFunction<LayerSpec> width) {
        return spec.layers().stream().mapToInt(width).max().orElse(0);
    }

    static int contextWidth(LayerSpec layer) {
        AttentionSpec attention = layer.attention();
        return attention.heads() * attention.headDim();
    }
}
