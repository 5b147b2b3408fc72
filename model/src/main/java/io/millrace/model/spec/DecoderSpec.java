package io.millrace.model.spec;

import java.util.List;

/**
 * A whole decoder: embeddings, layers, head. Tensors are named as the checkpoint names them.
 *
 * @param modelType the {@code model_type} of the configuration
 * @param vocabSize number of token ids, rows of the output head
 * @param hiddenSize width of the residual stream
 * @param maxPositions the longest sequence the model may see
 * @param embedding what makes hidden states from ids
 * @param layers the blocks in order
 * @param head what makes logits from hidden states
 */
public record DecoderSpec(
        String modelType,
        int vocabSize,
        int hiddenSize,
        int maxPositions,
        EmbeddingSpec embedding,
        List<LayerSpec> layers,
        HeadSpec head) {

    /** Freezes the layers. */
    public DecoderSpec {
        layers = List.copyOf(layers);
    }

    /** Whether the output head is the token embedding, so that both are one tensor. */
    public boolean isTied() {
        return head.logits().weight().equals(embedding.tokens());
    }
}
