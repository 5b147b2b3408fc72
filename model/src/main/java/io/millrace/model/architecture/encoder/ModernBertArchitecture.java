package io.millrace.model.architecture.encoder;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.architecture.decoder.AttentionSpec;
import io.millrace.model.architecture.decoder.DecoderProgram;
import io.millrace.model.architecture.decoder.DecoderSpec;
import io.millrace.model.architecture.decoder.EmbeddingSpec;
import io.millrace.model.architecture.decoder.HeadSpec;
import io.millrace.model.architecture.decoder.LayerSpec;
import io.millrace.model.architecture.decoder.MlpSpec;
import io.millrace.model.architecture.decoder.Parts;
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
public final class ModernBertArchitecture implements Architecture {
    private static final String FAR = "full_attention";
    private static final String NEAR = "sliding_attention";
    private static final String DECODER = "decoder";

    @Override
    public String modelType() {
        return "modernbert";
    }

    @Override
    public String models() {
        return "ModernBERT, as a masked language model";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        return new Reading(config).program();
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
            Parts.refuse(config, "is_causal", true);
            for (String field : List.of("rope_scaling", "head_dim")) {
                if (config.has(field)) {
                    throw config.bad(field, "is given, which is not supported", "leave it out");
                }
            }
        }

        ModelProgram program() {
            boolean tied = config.bool("tie_word_embeddings", true);
            String tokens = "model.embeddings.tok_embeddings.weight";
            int vocabulary = config.positive("vocab_size");
            boolean bias = config.bool("decoder_bias", true);
            LinearSpec logits =
                    new LinearSpec(
                            tied ? tokens : DECODER + ".weight",
                            bias ? DECODER + ".bias" : null,
                            hidden,
                            vocabulary,
                            false);
            HeadSpec.Transform transform =
                    new HeadSpec.Transform(
                            Parts.linear(
                                    "head.dense",
                                    hidden,
                                    hidden,
                                    config.bool("classifier_bias", false)),
                            Parts.activation(config, "classifier_activation", "gelu"),
                            norm("head.norm"));
            return DecoderProgram.of(
                    new DecoderSpec(
                            config.modelType(),
                            vocabulary,
                            hidden,
                            positions(),
                            EmbeddingSpec.tokens(tokens, hidden, 1)
                                    .normed(norm("model.embeddings.norm")),
                            layers(),
                            new HeadSpec(norm("model.final_norm"), null, transform, logits, 0, 1),
                            Answers.IN_PLACE));
        }

        private int positions() {
            return config.positive("max_position_embeddings", 8192);
        }

        private List<LayerSpec> layers() {
            int count = config.positiveUpTo("num_hidden_layers", Parts.MAX_LAYERS);
            int every = config.positive("global_attn_every_n_layers", 3);
            Optional<List<String>> types = config.layerTypes(count);
            RopeSpec far = rope(FAR, "global_rope_theta", 160000);
            RopeSpec near = rope(NEAR, "local_rope_theta", 10000);
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

        private Mask around() {
            int window = config.positive("local_attention", 128);
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
        private RopeSpec rope(String kind, String baseField, double usual) {
            double base = config.positiveNumber(baseField, usual);
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
