package io.millrace.model.architecture.encoder;

import io.millrace.model.architecture.ListedArchitecture;
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
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.Mask;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RelativeRows;
import io.millrace.model.spec.TableSpec;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * DeBERTa of its second and third version (arXiv 2006.03654, 2111.09543): BERT whose scores also
 * have what content and distance say of each other, the distances being rows of one table that all
 * layers share.
 */
public final class DebertaV2Architecture extends ListedArchitecture {
    private static final String BASE = "deberta.";
    private static final String TOKENS = BASE + "embeddings.word_embeddings.weight";
    private static final String OLD_HEAD = "cls.predictions.";
    private static final String NEW_HEAD = "lm_predictions.lm_head.";
    private static final String DECODER = OLD_HEAD + "decoder";

    /** The family. */
    public DebertaV2Architecture() {
        super(
                ConfigFields.of("vocab_size", 128100, "hidden_size", 1536)
                        .honours("num_hidden_layers", 24, "num_attention_heads", 24)
                        .honours("intermediate_size", 6144, "hidden_act", "gelu")
                        .honours("max_position_embeddings", 512, "type_vocab_size", 0)
                        .honours("layer_norm_eps", 1e-7, "position_biased_input", true)
                        .honours("relative_attention", false, "max_relative_positions", -1)
                        .honours("position_buckets", -1, "pos_att_type", null)
                        .honours("share_att_key", false, "norm_rel_ebd", "none")
                        .honours("pooler_hidden_act", "gelu", "legacy", true)
                        .honours("tie_word_embeddings", true, "conv_kernel_size", 0)
                        .honours("embedding_size", null, "pooler_hidden_size", null)
                        .honours("attention_head_size", null)
                        .idle("is_causal", "hidden_dropout_prob", "attention_probs_dropout_prob")
                        .idle("pooler_dropout", "cls_dropout", "conv_act", "conv_groups"));
    }

    @Override
    public String modelType() {
        return "deberta-v2";
    }

    @Override
    public String models() {
        return "DeBERTa 2 and 3, as a masked language model or a classifier, without a convolution";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        return new Reading(config, names).program();
    }

    /** A configuration that is being read. */
    private record Reading(ModelConfig config, Set<String> names, int hidden) {
        Reading(ModelConfig config, Set<String> names) {
            this(config, names, config.positive("hidden_size"));
            requireAsWide("embedding_size", hidden);
            requireAsWide("pooler_hidden_size", hidden);
            requireAsWide("attention_head_size", headDim());
            if (positiveOrElse("conv_kernel_size", 0) != 0) {
                throw config.bad(
                        "conv_kernel_size",
                        "asks for a convolution, which is not supported",
                        "use a model without one, such as those of version 3");
            }
        }

        private void requireAsWide(String field, int width) {
            if (config.has(field) && config.positive(field) != width) {
                throw config.bad(field, "is another than " + width + ", which is not supported");
            }
        }

        /** Below 1 stands for a default. */
        private int positiveOrElse(String field, int otherwise) {
            Object value = config.json().raw(field);
            boolean none = value == null || (value instanceof Number n && n.doubleValue() < 1);
            return none ? otherwise : config.positive(field);
        }

        ModelProgram program() {
            boolean labelled =
                    names.isEmpty() ? Labels.areAsked(config) : names.contains("classifier.weight");
            return DecoderProgram.of(
                    new DecoderSpec(
                            config.modelType(),
                            vocabulary(),
                            hidden,
                            positions(),
                            embedding(),
                            layers(),
                            labelled ? classifier() : masked(),
                            labelled ? Answers.FIRST : Answers.IN_PLACE));
        }

        private HeadSpec classifier() {
            return head(
                    "pooler.dense",
                    "pooler_hidden_act",
                    null,
                    Parts.linear("classifier", hidden, Labels.count(config), true));
        }

        /** The newer head has no matrix of its own, and published files of version 3 have that. */
        private HeadSpec masked() {
            boolean newer =
                    names.isEmpty()
                            ? !config.bool("legacy", true)
                            : names.contains(NEW_HEAD + "dense.weight");
            if (newer) {
                LinearSpec logits =
                        new LinearSpec(TOKENS, NEW_HEAD + "bias", hidden, vocabulary(), false);
                return head(NEW_HEAD + "dense", "hidden_act", norm(NEW_HEAD + "LayerNorm"), logits);
            }
            requireHead();
            boolean tied = config.bool("tie_word_embeddings", true);
            boolean own = !tied || (isStored(DECODER) && !isStored("cls.predictions"));
            LinearSpec logits =
                    new LinearSpec(
                            tied ? TOKENS : DECODER + ".weight",
                            own ? DECODER + ".bias" : OLD_HEAD + "bias",
                            hidden,
                            vocabulary(),
                            false);
            return head(
                    OLD_HEAD + "transform.dense",
                    "hidden_act",
                    norm(OLD_HEAD + "transform.LayerNorm"),
                    logits);
        }

        private boolean isStored(String module) {
            return names.contains(module + ".bias");
        }

        /** Refuses the weights of a bare model, which has no answers. */
        private void requireHead() {
            String probe = OLD_HEAD + "transform.dense.weight";
            if (!names.isEmpty() && !names.contains(probe)) {
                throw config.bad(
                        "model_type",
                        "is '" + config.modelType() + "', and the weights have no '" + probe + "'",
                        "use a checkpoint with the head for masked tokens (a class ForMaskedLM), or"
                                + " with one for labels (ForSequenceClassification)");
            }
        }

        private HeadSpec head(
                String dense, String activationField, NormSpec norm, LinearSpec logits) {
            HeadSpec.Transform transform =
                    new HeadSpec.Transform(
                            Parts.linear(dense, hidden, hidden, true),
                            Parts.activation(config, activationField, "gelu"),
                            norm);
            return new HeadSpec(null, null, transform, logits, 0, 1);
        }

        private EmbeddingSpec embedding() {
            String at = BASE + "embeddings.";
            boolean biased = config.bool("position_biased_input", true);
            int segments = positiveOrElse("type_vocab_size", 0);
            return new EmbeddingSpec(
                    TOKENS,
                    hidden,
                    biased ? at + "position_embeddings.weight" : null,
                    biased ? positions() : 0,
                    0,
                    null,
                    1,
                    new EmbeddingSpec.Finish(
                            norm(at + "LayerNorm"),
                            segments == 0 ? null : at + "token_type_embeddings.weight",
                            segments,
                            false,
                            isRelative() ? relative() : null));
        }

        private EmbeddingSpec.Relative relative() {
            String at = BASE + "encoder.";
            List<String> norms = words(config.string("norm_rel_ebd", "none"));
            return new EmbeddingSpec.Relative(
                    new TableSpec(at + "rel_embeddings.weight", rows().rows(), hidden),
                    norms.contains("layer_norm") ? norm(at + "LayerNorm") : null);
        }

        private RelativeRows rows() {
            int farthest = positiveOrElse("max_relative_positions", positions());
            int buckets = positiveOrElse("position_buckets", 0);
            if (buckets == 1 || (buckets > 0 && farthest <= buckets / 2 + 1)) {
                throw config.bad(
                        "position_buckets", "is " + buckets + ", and distances end at " + farthest);
            }
            return new RelativeRows(
                    buckets > 0 ? buckets : farthest, buckets, farthest, positions());
        }

        /** Whether scores have a part of distances. */
        private boolean isRelative() {
            boolean asked = config.bool("relative_attention", false);
            if (asked && !has("c2p") && !has("p2c")) {
                throw config.bad(
                        "pos_att_type",
                        "has neither c2p nor p2c, and relative_attention is true",
                        "give one, or relative_attention false");
            }
            return asked;
        }

        private boolean has(String kind) {
            Object types = config.json().raw("pos_att_type");
            return types instanceof String joined
                    ? words(joined).contains(kind)
                    : config.list("pos_att_type").contains(kind);
        }

        private static List<String> words(String joined) {
            return List.of(joined.toLowerCase(Locale.ROOT).strip().split("\\s*\\|\\s*", -1));
        }

        private List<LayerSpec> layers() {
            int count = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
            return IntStream.range(0, count)
                    .mapToObj(index -> layer(BASE + "encoder.layer." + index + "."))
                    .toList();
        }

        private LayerSpec layer(String at) {
            int inner = config.positive("intermediate_size");
            return LayerSpec.plain(
                    LayerSpec.Order.POST,
                    norm(at + "attention.output.LayerNorm"),
                    attention(at + "attention."),
                    norm(at + "output.LayerNorm"),
                    new MlpSpec(
                            null,
                            Parts.linear(at + "intermediate.dense", hidden, inner, true),
                            Parts.linear(at + "output.dense", inner, hidden, true),
                            Parts.activation(config, "hidden_act", "gelu")));
        }

        private AttentionSpec attention(String at) {
            int heads = config.positive("num_attention_heads");
            String self = at + "self.";
            LinearSpec queries = Parts.linear(self + "query_proj", hidden, hidden, true);
            LinearSpec keys = Parts.linear(self + "key_proj", hidden, hidden, true);
            int summands = 1 + (has("c2p") ? 1 : 0) + (has("p2c") ? 1 : 0);
            double scale = 1 / Math.sqrt((double) headDim() * summands);
            AttentionSpec plain =
                    AttentionSpec.plain(
                            List.of(
                                    queries,
                                    keys,
                                    Parts.linear(self + "value_proj", hidden, hidden, true)),
                            new AttendSpec(
                                    HeadsSpec.inOrder(heads, heads, headDim()),
                                    new Mask.Full(),
                                    (float) scale,
                                    0),
                            null,
                            Parts.linear(at + "output.dense", hidden, hidden, true));
            return isRelative() ? plain.withRelative(relative(self, queries, keys)) : plain;
        }

        private AttentionSpec.Relative relative(String self, LinearSpec queries, LinearSpec keys) {
            boolean shares = config.bool("share_att_key", false);
            LinearSpec ofKeys =
                    shares ? keys : Parts.linear(self + "pos_key_proj", hidden, hidden, true);
            LinearSpec ofQueries =
                    shares ? queries : Parts.linear(self + "pos_query_proj", hidden, hidden, true);
            return new AttentionSpec.Relative(
                    rows(), has("c2p") ? ofKeys : null, has("p2c") ? ofQueries : null);
        }

        private int headDim() {
            int heads = config.positive("num_attention_heads");
            return Parts.headDim(config, "hidden_size", hidden, heads);
        }

        private NormSpec norm(String module) {
            return Parts.layerNorm(module, hidden, config.positiveNumber("layer_norm_eps", 0));
        }

        private int positions() {
            return config.positive("max_position_embeddings");
        }

        private int vocabulary() {
            return config.positive("vocab_size");
        }
    }

    @Override
    public boolean isBuffer(String name) {
        return name.endsWith("embeddings.position_ids") || name.equals(DECODER + ".bias");
    }

    @Override
    public List<String> headNames() {
        return List.of(DECODER + ".weight");
    }
}
