package io.millrace.model.architecture.gpt;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.architecture.decoder.AttentionSpec;
import io.millrace.model.architecture.decoder.Ends;
import io.millrace.model.architecture.decoder.HeadSpec;
import io.millrace.model.architecture.decoder.LayerSpec;
import io.millrace.model.architecture.decoder.MlpSpec;
import io.millrace.model.architecture.decoder.Naming;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.architecture.decoder.Trunk;
import io.millrace.model.config.ConfigFields;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.model.spec.AttendSpec;
import io.millrace.model.spec.HeadsSpec;
import io.millrace.model.spec.Mask;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/** GPT-Neo: scores that are not scaled, and layers that look back only so far. */
public final class GptNeoArchitecture extends ListedArchitecture {
    private static final String GLOBAL = "global";
    private static final String LOCAL = "local";
    private static final Pattern BUFFER =
            Pattern.compile("(transformer\\.)?h\\.\\d+\\.attn\\.attention\\.(bias|masked_bias)");

    /** The family. */
    public GptNeoArchitecture() {
        super(
                ConfigFields.of("vocab_size", 50257, "max_position_embeddings", 2048)
                        .honours("hidden_size", 2048, "num_layers", 24, "attention_types", null)
                        .honours("attention_layers", null, "num_heads", 16)
                        .honours("intermediate_size", null, "window_size", 256)
                        .honours("activation_function", "gelu_new", "layer_norm_epsilon", 1e-5)
                        .idle("resid_dropout", "embed_dropout", "attention_dropout")
                        .idle("classifier_dropout")
                        .alias("num_attention_heads", "num_heads")
                        .alias("num_hidden_layers", "num_layers"));
    }

    @Override
    public String modelType() {
        return "gpt_neo";
    }

    @Override
    public String models() {
        return "GPT-Neo";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        String prefix = Naming.prefix(names, "wpe.weight", "transformer.", "");
        Trunk trunk =
                Trunk.of(
                        config,
                        "hidden_size",
                        "num_layers",
                        config.positive("max_position_embeddings", 2048),
                        prefix,
                        Ends.of(config, names, prefix + "wte.weight", LM_HEAD, true));
        int hidden = trunk.hidden();
        List<String> kinds = kinds(config, trunk.layers());
        return trunk.program(
                trunk.tokensAndPositions("wpe.weight"),
                HeadSpec.of(
                        Parts.layerNorm(prefix + "ln_f", hidden, epsilon(config)), trunk.logits()),
                "h.",
                (at, index) -> layer(config, at, hidden, kinds.get(index)));
    }

    private static LayerSpec layer(ModelConfig config, String prefix, int hidden, String kind) {
        int heads = config.positive("num_heads");
        int headDim = Parts.headDim(config, "hidden_size", hidden, heads);
        int inner =
                config.positive(
                        "intermediate_size", config.product("hidden_size and 4", hidden, 4));
        Mask mask =
                kind.equals(LOCAL)
                        ? new Mask.Window(config.positive("window_size", 256))
                        : new Mask.Causal();
        String attention = prefix + "attn.attention.";
        return LayerSpec.plain(
                LayerSpec.Order.PRE,
                Parts.layerNorm(prefix + "ln_1", hidden, epsilon(config)),
                AttentionSpec.plain(
                        Parts.projections(attention, hidden, hidden, hidden, false),
                        new AttendSpec(HeadsSpec.inOrder(heads, heads, headDim), mask, 1, 0),
                        null,
                        Parts.linear(attention + "out_proj", hidden, hidden, true)),
                Parts.layerNorm(prefix + "ln_2", hidden, epsilon(config)),
                new MlpSpec(
                        null,
                        Parts.linear(prefix + "mlp.c_fc", hidden, inner, true),
                        Parts.linear(prefix + "mlp.c_proj", inner, hidden, true),
                        Parts.activation(config, "activation_function", "gelu_new")));
    }

    /**
     * {@code attention_layers}, a kind a layer; else {@code attention_types}, lists of kinds, each
     * with how often it is repeated.
     */
    private static List<String> kinds(ModelConfig config, int layers) {
        List<String> kinds = new ArrayList<>();
        if (config.has("attention_layers")) {
            config.list("attention_layers").forEach(name -> kinds.add(String.valueOf(name)));
            return checked(config, "attention_layers", kinds, layers);
        }
        for (Object group : config.list("attention_types")) {
            if (!(group instanceof List<?> pair
                    && pair.size() == 2
                    && pair.getFirst() instanceof List<?> names
                    && pair.getLast() instanceof Long times
                    && times <= layers)) {
                throw config.bad(
                        "attention_types", "has " + group + " where [kinds, times] belongs");
            }
            for (long i = 0; i < times; i++) {
                names.forEach(name -> kinds.add(String.valueOf(name)));
            }
        }
        if (kinds.isEmpty()) {
            IntStream.range(0, layers).forEach(i -> kinds.add(i % 2 == 0 ? GLOBAL : LOCAL));
        }
        return checked(config, "attention_types", kinds, layers);
    }

    private static List<String> checked(
            ModelConfig config, String field, List<String> kinds, int layers) {
        if (kinds.size() != layers || !Set.of(GLOBAL, LOCAL).containsAll(kinds)) {
            throw config.bad(field, "gives " + kinds + " for " + layers + " layers");
        }
        return kinds;
    }

    private static double epsilon(ModelConfig config) {
        return config.positiveNumber("layer_norm_epsilon", 1e-5);
    }

    @Override
    public boolean isBuffer(String name) {
        return BUFFER.matcher(name).matches();
    }
}
