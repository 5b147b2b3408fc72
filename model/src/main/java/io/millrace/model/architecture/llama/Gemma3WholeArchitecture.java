package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.architecture.decoder.Parts;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.telemetry.json.JsonObject;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Gemma 3 as it is published with a part that sees: the text part, whose configuration is a section
 * and whose tensors have a prefix of their own, as files have it or as the library's modules do.
 * What else there is stays as it is.
 */
public final class Gemma3WholeArchitecture implements Architecture {
    private static final Gemma3Architecture TEXT = new Gemma3Architecture();

    @Override
    public String modelType() {
        return "gemma3";
    }

    @Override
    public String models() {
        return "Gemma 3 with a part that sees (4b to 27b): its text part";
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> names) {
        if (!config.has("text_config")) {
            throw config.bad("text_config", "is missing");
        }
        Parts.refuse(config, "tie_word_embeddings", false);
        Map<String, Object> fields =
                new LinkedHashMap<>(config.section("text_config").json().fields());
        fields.put("model_type", modelType());
        ModelConfig text =
                TEXT.fields().read(ModelConfig.of(config.where(), new JsonObject(fields)));
        return Gemma3Architecture.program(
                text,
                new LlamaBuilder(text, names)
                        .under("model.language_model.", "language_model.model."));
    }

    @Override
    public boolean isBuffer(String name) {
        return TEXT.isBuffer(name);
    }
}
