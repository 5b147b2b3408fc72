package io.millrace.model.architecture.decoder;

import io.millrace.model.program.Answers;
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
 * @param answers what these are of
 */
public record DecoderSpec(
        String modelType,
        int vocabSize,
        int hiddenSize,
        int maxPositions,
        EmbeddingSpec embedding,
        List<LayerSpec> layers,
        HeadSpec head,
        Answers answers) {

    /** A decoder. */
    public DecoderSpec(
            String modelType,
            int vocabSize,
            int hiddenSize,
            int maxPositions,
            EmbeddingSpec embedding,
            List<LayerSpec> layers,
            HeadSpec head) {
        this(modelType, vocabSize, hiddenSize, maxPositions, embedding, layers, head, Answers.NEXT);
    }

    public DecoderSpec {
        layers = List.copyOf(layers);
    }
}
