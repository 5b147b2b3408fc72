package io.millrace.model.architecture.llama;

import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.config.ConfigFields;
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
public final class Gemma3WholeArchitecture extends ListedArchitecture {
    private static final Gemma3Architecture TEXT = new Gemma3Architecture();

    /** The family. */
    public Gemma3WholeArchitecture() {
        super(
                ConfigFields.of("text_config", null, "tie_word_embeddings", true)
                        .idle("vocab_size", "vision_config", "mm_tokens_per_image", "is_causal")
                        .idle("boi_token_index", "eoi_token_index", "image_token_index")
                        .alias("boi_token_id", "boi_token_index")
                        .alias("eoi_token_id", "eoi_token_index")
                        .alias("image_token_id", "image_token_index"));
    }

    @Override
    public String modelType() {
        return "gemma3";
    }

    @Override
    public String models() {
        return "Gemma 3 with a part that sees (4b to 27b): its text part";
    }

    @Override
    protected ModelProgram listed(ModelConfig config, Set<String> names) {
        if (!config.has("text_config")) {
            throw config.bad("text_config", "is missing");
        }
        // A null is none to the class, which then has a head of its own.
        if (!config.bool("tie_word_embeddings", false)) {
            throw config.bad(
                    "tie_word_embeddings",
                    "is " + config.json().raw("tie_word_embeddings") + ", which is not supported",
                    "use another model");
        }
        Map<String, Object> fields =
                new LinkedHashMap<>(config.section("text_config").json().fields());
        fields.put("model_type", modelType());
        // The whole model's class caps no logits, and has a word of its own on the head.
        fields.remove("final_logit_softcapping");
        fields.remove("tie_word_embeddings");
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
