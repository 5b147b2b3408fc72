package io.millrace.model.architecture.decoder;

import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.LinearSpec;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What a decoder is around its layers.
 *
 * @param config the configuration
 * @param hidden width of the residual stream
 * @param layers how many layers there are
 * @param positions the longest sequence the model may see
 * @param prefix under which the checkpoint stores everything but the head
 * @param ends the table of ids, and the matrix of logits
 */
public record Trunk(
        ModelConfig config, int hidden, int layers, int positions, String prefix, Ends ends) {
    /** A layer by the prefix of its tensors and its number. */
    @FunctionalInterface
    public interface Layer {
        /** What it computes. */
        LayerSpec of(String prefix, int index);
    }

    /**
     * The trunk as a configuration has it.
     *
     * @param hiddenField what it calls the width
     * @param layersField what it calls the number of layers
     */
    public static Trunk of(
            ModelConfig config,
            String hiddenField,
            String layersField,
            int positions,
            String prefix,
            Ends ends) {
        return new Trunk(
                config,
                config.positive(hiddenField),
                config.positiveUpTo(layersField, Parts.MAX_LAYERS),
                positions,
                prefix,
                ends);
    }

    /** Number of token ids. */
    public int vocabulary() {
        return config.positive("vocab_size");
    }

    /** The table of ids, as wide as the stream, and nothing else. */
    public EmbeddingSpec tokens() {
        return EmbeddingSpec.tokens(ends.tokens(), hidden, 1);
    }

    /** The same with a table of positions that is looked up where the position says. */
    public EmbeddingSpec tokensAndPositions(String table) {
        return EmbeddingSpec.withPositions(ends.tokens(), hidden, prefix + table, positions);
    }

    /** What makes logits of the stream. */
    public LinearSpec logits() {
        return ends.logits(hidden, vocabulary());
    }

    /**
     * The whole model.
     *
     * @param kind what the tensors of layers are stored under, such as {@code layers.}
     * @param layer each layer
     */
    public ModelProgram program(EmbeddingSpec embedding, HeadSpec head, String kind, Layer layer) {
        List<LayerSpec> all =
                IntStream.range(0, layers)
                        .mapToObj(index -> layer.of(prefix + kind + index + ".", index))
                        .toList();
        return DecoderProgram.of(
                new DecoderSpec(
                        config.modelType(), vocabulary(), hidden, positions, embedding, all, head));
    }
}
