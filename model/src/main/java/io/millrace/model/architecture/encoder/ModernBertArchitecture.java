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
import io.millrace.model.spec.RopeSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * ModernBERT (arXiv 2412.13663): rotary positions of two bases, a window on both sides in all
 * layers but each third, norms before the parts, of which the first layer's attention has none, and
 * a gate in the half of one matrix.
 */
public final class ModernBertArchitecture extends ListedArchitecture {
    private static final String FAR = "full_attention";
    private static final String NEAR = "sliding_attention";
    private static final String DECODER = "decoder";
    private static final String LABELS = "classifier";

    /** The family. */
    public ModernBertArchitecture() {
        super(
                ConfigFields.of("vocab_size", 50368, "hidden_size", 768)
                        .honours("intermediate_size", 1152, "num_hidden_layers", 22)
                        .honours("num_attention_heads", 12, "hidden_activation", "gelu")
                        .honours("max_position_embeddings", 8192, "norm_eps", 1e-5)
                        .honours("norm_bias", false, "attention_bias", false, "mlp_bias", false)
                        .honours("layer_types", null, "global_attn_every_n_layers", 3)
                        .honours("local_attention", 128, "sliding_window", null)
                        .honours("rope_parameters", null, "head_dim", null)
                        .honours("global_rope_theta", 160000, "local_rope_theta", 10000)
                        .honours("decoder_bias", true, "tie_word_embeddings", true)
                        .honours("classifier_bias", false, "classifier_activation", "gelu")
                        .honours("classifier_pooling", "cls")
                        .only("rope_scaling", null)
                        .idle("is_causal", "attention_dropout", "embedding_dropout")
                        .idle("mlp_dropout", "classifier_dropout", "initializer_cutoff_factor")
                        .idle("cls_token_id", "sep_token_id", "deterministic_flash_attn")
                        .idle("sparse_prediction", "sparse_pred_ignore_index"));
    }

    @Override
    public String modelType() {
        return "modernbert";
    }

    @Override
    public String models() {
        return "ModernBERT, as a masked language model or a classifier";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        boolean labelled =
                names.isEmpty() ? Labels.areAsked(config) : names.contains(LABELS + ".weight");
        return new Reading(config).program(labelled);
    }

    /** A configuration that is being read. */
    private record Reading(ModelConfig config, int hidden, int heads, int headDim) {
        Reading(ModelConfig config) {
            this(
                    config,
                    config.positive("hidden_size"),
                    config.positive("num_attention_heads"),
                    Parts.headDim(
                            config,
                            "hidden_size",
                            config.positive("hidden_size"),
                            config.positive("num_attention_heads")));
            int asked = config.positive("head_dim", headDim);
            if (asked != headDim) {
                throw config.bad(
                        "head_dim", "is " + asked + ", and heads have " + headDim + " elements");
            }
        }

        ModelProgram program(boolean labelled) {
            String tokens = "model.embeddings.tok_embeddings.weight";
            HeadSpec.Transform transform =
                    new HeadSpec.Transform(
                            Parts.linear(
                                    "head.dense",
                                    hidden,
                                    hidden,
                                    config.bool("classifier_bias", false)),
                            Parts.activation(config, "classifier_activation", "gelu"),
                            norm("head.norm"));
            LinearSpec logits = labelled ? labels() : logits(tokens);
            return DecoderProgram.of(
                    new DecoderSpec(
                            config.modelType(),
                            config.positive("vocab_size"),
                            hidden,
                            positions(),
                            EmbeddingSpec.tokens(tokens, hidden, 1)
                                    .normed(norm("model.embeddings.norm")),
                            layers(),
                            new HeadSpec(norm("model.final_norm"), null, transform, logits, 0, 1),
                            labelled ? Answers.FIRST : Answers.IN_PLACE));
        }

        private LinearSpec logits(String tokens) {
            boolean tied = config.bool("tie_word_embeddings", true);
            boolean bias = config.bool("decoder_bias", true);
            return new LinearSpec(
                    tied ? tokens : DECODER + ".weight",
                    bias ? DECODER + ".bias" : null,
                    hidden,
                    config.positive("vocab_size"),
                    false);
        }

        private LinearSpec labels() {
            String pooling = config.string("classifier_pooling", "cls");
            if (!pooling.equals("cls")) {
                throw config.bad(
                        "classifier_pooling",
                        "is '" + pooling + "', which is not supported",
                        "use a classifier of the first token");
            }
            return Parts.linear(LABELS, hidden, Labels.count(config), true);
        }

        private int positions() {
            return config.positive("max_position_embeddings");
        }

        private List<LayerSpec> layers() {
            int count = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
            int every = config.positive("global_attn_every_n_layers");
            Optional<List<String>> types = config.layerTypes(count);
            RopeSpec far = rope(FAR, "global_rope_theta");
            RopeSpec near = rope(NEAR, "local_rope_theta");
            Mask around = around();
            List<LayerSpec> layers = new ArrayList<>(count);
            for (int index = 0; index < count; index++) {
                int place = index;
                boolean isNear =
                        types.map(list -> list.get(place).equals(NEAR)).orElse(place % every != 0);
                layers.add(layer(index, isNear ? around : new Mask.Full(), isNear ? near : far));
            }
            return layers;
        }

        /** The class also takes half of it under another name, which wins. */
        private Mask around() {
            if (config.has("sliding_window")) {
                return new Mask.Around(config.positive("sliding_window"));
            }
            int window = config.positive("local_attention");
            if (window < 2) {
                throw config.bad("local_attention", "is 1, which leaves a token alone");
            }
            return new Mask.Around(window / 2);
        }

        private LayerSpec layer(int index, Mask mask, RopeSpec rope) {
            String at = "model.layers." + index + ".";
            boolean bias = config.bool("attention_bias", false);
            boolean mlpBias = config.bool("mlp_bias", false);
            int inner = config.positive("intermediate_size");
            int row = config.product("hidden_size and 3", hidden, 3);
            int both = config.product("intermediate_size and 2", inner, 2);
            return LayerSpec.plain(
                    LayerSpec.Order.PRE,
                    index == 0 ? null : norm(at + "attn_norm"),
                    AttentionSpec.plain(
                            List.of(Parts.linear(at + "attn.Wqkv", hidden, row, bias)),
                            new AttendSpec(
                                    HeadsSpec.inOrder(heads, heads, headDim),
                                    mask,
                                    (float) (1 / Math.sqrt(headDim)),
                                    0),
                            rope,
                            Parts.linear(at + "attn.Wo", hidden, hidden, bias)),
                    norm(at + "mlp_norm"),
                    new MlpSpec(
                            null,
                            Parts.linear(at + "mlp.Wi", hidden, both, mlpBias),
                            Parts.linear(at + "mlp.Wo", inner, hidden, mlpBias),
                            Parts.activation(config, "hidden_activation", "gelu")));
        }

        /** The newer spelling has parameters for each kind of layer. */
        private RopeSpec rope(String kind, String baseField) {
            double base = config.positiveNumber(baseField, 0);
            return config.ropeOf(kind, base).spec(headDim, positions());
        }

        private NormSpec norm(String module) {
            double epsilon = config.positiveNumber("norm_eps", 1e-5);
            return config.bool("norm_bias", false)
                    ? Parts.layerNorm(module, hidden, epsilon)
                    : Parts.factorNorm(module, hidden, epsilon);
        }
    }

    @Override
    public boolean isBuffer(String name) {
        return false;
    }

    @Override
    public List<String> headNames() {
        return List.of(DECODER + ".weight");
    }
}
