package io.millrace.model.architecture.encoder;

import io.millrace.model.architecture.decoder.AttentionSpec;
import io.millrace.model.architecture.decoder.DecoderProgram;
import io.millrace.model.architecture.decoder.DecoderSpec;
import io.millrace.model.architecture.decoder.EmbeddingSpec;
import io.millrace.model.architecture.decoder.HeadSpec;
import io.millrace.model.architecture.decoder.Labels;
import io.millrace.model.architecture.decoder.LayerSpec;
import io.millrace.model.architecture.decoder.MlpSpec;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ConfigFields;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.Answers;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * What BERT (arXiv 1810.04805) and RoBERTa (arXiv 1907.11692) are alike in: norms after each sum,
 * learned positions, one segment; a matrix each for queries, keys and values; biases everywhere.
 * Norms have the names of their first publication, {@code gamma} and {@code beta}, where the
 * checkpoint has them.
 *
 * @param config the configuration
 * @param names all that the checkpoint stores, or none
 * @param prefix of all but the head
 */
record BertFamily(ModelConfig config, Set<String> names, String prefix) {
    private static final String TABLE = "embeddings.word_embeddings.weight";

    /** What both classes read. Positions of other types are read by earlier ones alone. */
    static final ConfigFields FIELDS =
            ConfigFields.of("hidden_size", 768, "num_hidden_layers", 12)
                    .honours("num_attention_heads", 12, "intermediate_size", 3072)
                    .honours("hidden_act", "gelu", "max_position_embeddings", 512)
                    .honours("type_vocab_size", 2, "layer_norm_eps", 1e-12)
                    .honours("tie_word_embeddings", true)
                    .only("is_decoder", false, "add_cross_attention", false)
                    .only("position_embedding_type", "absolute")
                    .idle("is_causal", "hidden_dropout_prob", "attention_probs_dropout_prob")
                    .idle("classifier_dropout");

    /**
     * The names of a head for masked tokens.
     *
     * @param dense of its first matrix
     * @param norm of its norm
     * @param bias of the bias of its logits
     * @param decoder of the matrix of logits, where it is not the table of ids
     * @param activation behind its first matrix
     */
    record MaskedHead(
            String dense, String norm, String bias, String decoder, Activation activation) {}

    /**
     * The names of a classifier's head, whose logits are of the first token.
     *
     * @param dense of its first matrix, behind which is a tangent
     * @param logits of its second
     */
    record LabelHead(String dense, String logits) {}

    /**
     * The whole model, with the head that its weights have, or where these do not tell, with the
     * one that {@code architectures} names.
     *
     * @param head the names of a head for masked tokens
     * @param labels those of a head for labels
     * @param firstPosition row of the first token's position
     */
    ModelProgram program(MaskedHead head, LabelHead labels, int firstPosition) {
        requireHead(head, labels);
        boolean masked = names.contains(head.dense() + ".weight");
        boolean labelled = names.contains(labels.logits() + ".weight");
        boolean tells = masked != labelled;
        return (tells ? labelled : Labels.areAsked(config))
                ? program(classifier(labels), Answers.FIRST, firstPosition)
                : program(masked(head), Answers.IN_PLACE, firstPosition);
    }

    private HeadSpec masked(MaskedHead head) {
        int hidden = hidden();
        boolean tied = config.bool("tie_word_embeddings", true);
        String matrix = tied ? tokens() : head.decoder() + ".weight";
        HeadSpec.Transform transform =
                new HeadSpec.Transform(
                        Parts.linear(head.dense(), hidden, hidden, true),
                        head.activation(),
                        norm(head.norm()));
        LinearSpec logits = new LinearSpec(matrix, bias(head, tied), hidden, vocabulary(), false);
        return new HeadSpec(null, null, transform, logits, 0, 1);
    }

    private HeadSpec classifier(LabelHead head) {
        int hidden = hidden();
        HeadSpec.Transform transform =
                new HeadSpec.Transform(
                        Parts.linear(head.dense(), hidden, hidden, true), Activation.TANH, null);
        LinearSpec logits = Parts.linear(head.logits(), hidden, Labels.count(config), true);
        return new HeadSpec(null, null, transform, logits, 0, 1);
    }

    private String tokens() {
        return prefix + TABLE;
    }

    private ModelProgram program(HeadSpec head, Answers answers, int firstPosition) {
        int hidden = hidden();
        int rows = config.positive("max_position_embeddings");
        if (rows <= firstPosition) {
            throw config.bad(
                    "max_position_embeddings",
                    "is " + rows + ", and the first position is " + firstPosition);
        }
        return DecoderProgram.of(
                new DecoderSpec(
                        config.modelType(),
                        vocabulary(),
                        hidden,
                        rows - firstPosition,
                        embedding(rows, firstPosition),
                        layers(),
                        head,
                        answers));
    }

    /**
     * Two names of one tensor where the matrix is tied, of which either may be missing; else that
     * of the matrix itself is what is added, and the other is left from the tensor they once were.
     */
    private String bias(MaskedHead head, boolean tied) {
        String own = head.decoder() + ".bias";
        if (names.isEmpty()) {
            return tied ? head.bias() : own;
        }
        boolean ownIsRead = !tied || !names.contains(head.bias());
        return ownIsRead && names.contains(own) ? own : head.bias();
    }

    private EmbeddingSpec embedding(int rows, int firstPosition) {
        return new EmbeddingSpec(
                tokens(),
                hidden(),
                prefix + "embeddings.position_embeddings.weight",
                rows,
                firstPosition,
                null,
                1,
                new EmbeddingSpec.Finish(
                        norm(prefix + "embeddings.LayerNorm"),
                        prefix + "embeddings.token_type_embeddings.weight",
                        config.positive("type_vocab_size"),
                        firstPosition > 0));
    }

    private List<LayerSpec> layers() {
        int count = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
        return IntStream.range(0, count)
                .mapToObj(index -> layer(prefix + "encoder.layer." + index + "."))
                .toList();
    }

    private LayerSpec layer(String at) {
        int hidden = hidden();
        int inner = config.positive("intermediate_size");
        int heads = config.positive("num_attention_heads");
        int headDim = Parts.headDim(config, "hidden_size", hidden, heads);
        String self = at + "attention.self.";
        return LayerSpec.plain(
                LayerSpec.Order.POST,
                norm(at + "attention.output.LayerNorm"),
                AttentionSpec.plain(
                        List.of(
                                Parts.linear(self + "query", hidden, hidden, true),
                                Parts.linear(self + "key", hidden, hidden, true),
                                Parts.linear(self + "value", hidden, hidden, true)),
                        AttendSpec.full(HeadsSpec.inOrder(heads, heads, headDim)),
                        null,
                        Parts.linear(at + "attention.output.dense", hidden, hidden, true)),
                norm(at + "output.LayerNorm"),
                new MlpSpec(
                        null,
                        Parts.linear(at + "intermediate.dense", hidden, inner, true),
                        Parts.linear(at + "output.dense", inner, hidden, true),
                        activation()));
    }

    Activation activation() {
        return Parts.activation(config, "hidden_act", "gelu");
    }

    private NormSpec norm(String module) {
        boolean first = names.contains(module + ".gamma");
        return new NormSpec(
                NormSpec.Kind.LAYER,
                module + (first ? ".gamma" : ".weight"),
                module + (first ? ".beta" : ".bias"),
                hidden(),
                (float) config.positiveNumber("layer_norm_eps", 0),
                0);
    }

    private int hidden() {
        return config.positive("hidden_size");
    }

    private int vocabulary() {
        return config.positive("vocab_size");
    }

    /** Refuses the weights of a bare model, which has no answers. */
    private void requireHead(MaskedHead head, LabelHead labels) {
        boolean named = names.contains(tokens()) || names.contains(TABLE);
        String probe = head.dense() + ".weight";
        if (named && !names.contains(probe) && !names.contains(labels.logits() + ".weight")) {
            throw config.bad(
                    "model_type",
                    "is '" + config.modelType() + "', and the weights have no '" + probe + "'",
                    "use a checkpoint with the head for masked tokens (a class ForMaskedLM), or with"
                            + " one for labels (ForSequenceClassification)");
        }
    }
}
