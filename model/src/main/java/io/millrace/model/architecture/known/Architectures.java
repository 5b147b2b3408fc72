package io.millrace.model.architecture.known;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.architecture.encoder.BertArchitecture;
import io.millrace.model.architecture.encoder.ModernBertArchitecture;
import io.millrace.model.architecture.encoder.RobertaArchitecture;
import io.millrace.model.architecture.gpt.BloomArchitecture;
import io.millrace.model.architecture.gpt.Cohere2Architecture;
import io.millrace.model.architecture.gpt.CohereArchitecture;
import io.millrace.model.architecture.gpt.FalconArchitecture;
import io.millrace.model.architecture.gpt.Gpt2Architecture;
import io.millrace.model.architecture.gpt.GptBigcodeArchitecture;
import io.millrace.model.architecture.gpt.GptJArchitecture;
import io.millrace.model.architecture.gpt.GptNeoArchitecture;
import io.millrace.model.architecture.gpt.GptNeoxArchitecture;
import io.millrace.model.architecture.gpt.MptArchitecture;
import io.millrace.model.architecture.gpt.OptArchitecture;
import io.millrace.model.architecture.gpt.PhiArchitecture;
import io.millrace.model.architecture.gpt.StableLmArchitecture;
import io.millrace.model.architecture.gpt.Starcoder2Architecture;
import io.millrace.model.architecture.llama.Gemma2Architecture;
import io.millrace.model.architecture.llama.Gemma3Architecture;
import io.millrace.model.architecture.llama.Gemma3WholeArchitecture;
import io.millrace.model.architecture.llama.GemmaArchitecture;
import io.millrace.model.architecture.llama.Glm4Architecture;
import io.millrace.model.architecture.llama.GlmArchitecture;
import io.millrace.model.architecture.llama.GraniteArchitecture;
import io.millrace.model.architecture.llama.LlamaArchitecture;
import io.millrace.model.architecture.llama.MistralArchitecture;
import io.millrace.model.architecture.llama.MixtralArchitecture;
import io.millrace.model.architecture.llama.Olmo2Architecture;
import io.millrace.model.architecture.llama.Olmo3Architecture;
import io.millrace.model.architecture.llama.OlmoeArchitecture;
import io.millrace.model.architecture.llama.Phi3Architecture;
import io.millrace.model.architecture.llama.Qwen2Architecture;
import io.millrace.model.architecture.llama.Qwen2MoeArchitecture;
import io.millrace.model.architecture.llama.Qwen3Architecture;
import io.millrace.model.architecture.llama.Qwen3MoeArchitecture;
import io.millrace.model.architecture.llama.SeedOssArchitecture;
import io.millrace.model.architecture.llama.SmolLm3Architecture;
import io.millrace.model.config.ModelConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;

/** Every architecture there is; a new one is a new file and a line here. */
public final class Architectures {
    private static final List<Architecture> ALL =
            withThoseOfOthers(
                    new OptArchitecture(),
                    new Gpt2Architecture(),
                    new GptNeoxArchitecture(),
                    new LlamaArchitecture(),
                    new MistralArchitecture(),
                    new Qwen2Architecture(),
                    new Qwen3Architecture(),
                    new SeedOssArchitecture(),
                    new GemmaArchitecture(),
                    new Gemma2Architecture(),
                    new Gemma3Architecture(),
                    new Gemma3WholeArchitecture(),
                    new Phi3Architecture(),
                    new SmolLm3Architecture(),
                    new Olmo2Architecture(),
                    new Olmo3Architecture(),
                    new GraniteArchitecture(),
                    new GlmArchitecture(),
                    new Glm4Architecture(),
                    new PhiArchitecture(),
                    new GptJArchitecture(),
                    new GptNeoArchitecture(),
                    new GptBigcodeArchitecture(),
                    new Starcoder2Architecture(),
                    new StableLmArchitecture(),
                    new CohereArchitecture(),
                    new Cohere2Architecture(),
                    new FalconArchitecture(),
                    new BloomArchitecture(),
                    new MptArchitecture(),
                    new RobertaArchitecture(),
                    new BertArchitecture(),
                    new ModernBertArchitecture(),
                    new MixtralArchitecture(),
                    new Qwen2MoeArchitecture(),
                    new Qwen3MoeArchitecture(),
                    new OlmoeArchitecture());

    private Architectures() {}

    /** Other jars provide theirs as services of the type {@link Architecture}. */
    private static List<Architecture> withThoseOfOthers(Architecture... own) {
        List<Architecture> all = new ArrayList<>(List.of(own));
        ServiceLoader.load(Architecture.class, Architecture.class.getClassLoader())
                .forEach(all::add);
        if (all.stream().map(Architecture::modelType).distinct().count() != all.size()) {
            throw new IllegalStateException(
                    "two architectures of one model_type on the class path: "
                            + all.stream().map(Architecture::modelType).sorted().toList());
        }
        return List.copyOf(all);
    }

    /** The {@code model_type} of each. */
    public static List<String> modelTypes() {
        return ALL.stream().map(Architecture::modelType).toList();
    }

    /** All of them. */
    public static List<Architecture> all() {
        return ALL;
    }

    /** The architecture with that {@code model_type}. */
    public static Optional<Architecture> find(String modelType) {
        return ALL.stream().filter(one -> one.modelType().equals(modelType)).findFirst();
    }

    /**
     * The architecture that a configuration names.
     *
     * @throws io.millrace.memory.BadInputException when there is none such
     */
    public static Architecture of(ModelConfig config) {
        String modelType = config.modelType();
        return find(modelType)
                .orElseThrow(() ->
                        config.bad(
                                "model_type",
                                "is '" + modelType + "', an unknown architecture",
                                "use a model of one of " + modelTypes()));
    }
}
