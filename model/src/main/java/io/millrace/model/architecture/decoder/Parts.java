package io.millrace.model.architecture.decoder;

import io.millrace.model.config.ModelConfig;
import io.millrace.model.config.RopeParameters;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.LinearSpec;
import io.millrace.model.spec.NormSpec;
import io.millrace.model.spec.RopeSpec;
import java.util.List;
import java.util.Optional;
import java.util.function.IntPredicate;

/** Parts that the architectures share, named as the Hugging Face modules name their tensors. */
public final class Parts {
    /** More layers than this are no model's. */
    public static final int MAX_LAYERS = 4096;

    private Parts() {}

    /** A matrix stored output-major, with its bias where it has one. */
    public static LinearSpec linear(String module, int inputs, int outputs, boolean bias) {
        return new LinearSpec(
                module + ".weight", bias ? module + ".bias" : null, inputs, outputs, false);
    }

    /** A matrix stored input-major with a bias (GPT-2). */
    public static LinearSpec inputMajor(String module, int inputs, int outputs) {
        return new LinearSpec(module + ".weight", module + ".bias", inputs, outputs, true);
    }

    /** A layer norm with a bias. */
    public static NormSpec layerNorm(String module, int width, double epsilon) {
        return new NormSpec(
                NormSpec.Kind.LAYER,
                module + ".weight",
                module + ".bias",
                width,
                (float) epsilon,
                0);
    }

    /** A layer norm without a bias. */
    public static NormSpec factorNorm(String module, int width, double epsilon) {
        return new NormSpec(
                NormSpec.Kind.LAYER, module + ".weight", null, width, (float) epsilon, 0);
    }

    /** An RMS norm. */
    public static NormSpec rmsNorm(String module, int width, double epsilon, float weightOffset) {
        return new NormSpec(
                NormSpec.Kind.RMS, module + ".weight", null, width, (float) epsilon, weightOffset);
    }

    /**
     * A matrix each for queries, keys and values.
     *
     * @param prefix of {@code q_proj}, {@code k_proj} and {@code v_proj}
     * @param inputs width of what they read
     * @param queries width of all query heads
     * @param keys width of all key heads, and of all value heads
     */
    public static List<LinearSpec> projections(
            String prefix, int inputs, int queries, int keys, boolean bias) {
        return List.of(
                linear(prefix + "q_proj", inputs, queries, bias),
                linear(prefix + "k_proj", inputs, keys, bias),
                linear(prefix + "v_proj", inputs, keys, bias));
    }

    /**
     * The key heads that so many query heads share: null stands for as many, a missing field for
     * the usual number.
     */
    public static int kvHeads(ModelConfig config, int heads, int usual) {
        String field = "num_key_value_heads";
        int kvHeads = config.mentions(field) ? config.positive(field, heads) : usual;
        if (heads % kvHeads != 0) {
            throw config.bad(field, "is " + kvHeads + ", no divisor of " + heads + " heads");
        }
        return kvHeads;
    }

    /** The rotary part of heads. */
    public static RopeSpec rope(ModelConfig config, Trunk trunk, RopeParameters rope) {
        return rope.spec(
                headDim(config, trunk.hidden()), config.positive("max_position_embeddings"));
    }

    /** Elements of a head: as many as the configuration says, or its share of the hidden size. */
    public static int headDim(ModelConfig config, int hidden) {
        return config.has("head_dim")
                ? config.positive("head_dim")
                : headDim(config, "hidden_size", hidden, config.positive("num_attention_heads"));
    }

    /** {@code down(act(gate(x)) ⊙ up(x))}, as LLaMA calls it, without biases. */
    public static MlpSpec gated(ModelConfig config, String prefix, int hidden) {
        int inner = config.positive("intermediate_size");
        return new MlpSpec(
                linear(prefix + "gate_proj", hidden, inner, false),
                linear(prefix + "up_proj", hidden, inner, false),
                linear(prefix + "down_proj", inner, hidden, false),
                activation(config, "hidden_act", "silu"));
    }

    /**
     * Which layers look back only so far: as {@code layer_types} has it, or all but every so many.
     *
     * @param every every how many layers one sees all where {@code layer_types} is missing
     */
    public static IntPredicate sliding(ModelConfig config, int every) {
        Optional<List<String>> types =
                config.layerTypes(config.positiveUpTo("num_hidden_layers", MAX_LAYERS));
        return layer ->
                types.map(list -> list.get(layer).equals("sliding_attention"))
                        .orElse((layer + 1) % every != 0);
    }

    /** The activation that a field names. */
    public static Activation activation(ModelConfig config, String field, String otherwise) {
        String name = config.string(field, otherwise);
        return switch (name) {
            case "relu" -> Activation.RELU;
            case "gelu", "gelu_python" -> Activation.GELU_EXACT;
            case "gelu_new",
                    "gelu_pytorch_tanh",
                    "gelu_python_tanh",
                    "gelu_fast",
                    "gelu_accurate" ->
                    Activation.GELU_TANH;
            case "silu", "swish" -> Activation.SILU;
            default ->
                    throw config.bad(
                            field,
                            "is '" + name + "', an activation that is not supported",
                            "use a model with relu, gelu, gelu_new, gelu_pytorch_tanh or silu");
        };
    }

    /** Elements of a head where the heads share the hidden size. */
    public static int headDim(ModelConfig config, String hiddenField, int hidden, int heads) {
        if (hidden % heads != 0) {
            throw config.bad(hiddenField, hidden + " is no multiple of the " + heads + " heads");
        }
        return hidden / heads;
    }

    /** Refuses a switch that this architecture has no arithmetic for. */
    public static void refuse(ModelConfig config, String field, boolean refused) {
        if (config.bool(field, !refused) == refused) {
            throw config.bad(
                    field, "is " + refused + ", which is not supported", "use another model");
        }
    }
}
