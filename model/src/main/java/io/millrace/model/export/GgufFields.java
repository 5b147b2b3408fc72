package io.millrace.model.export;

import io.millrace.model.Checkpoint;
import io.millrace.model.architecture.ListedArchitecture;
import io.millrace.model.config.ModelConfig;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a GGUF file says of a model's configuration.
 *
 * @param family what it is to ggml
 * @param config every field under its own name and with its default
 * @param metadata keys and values
 */
record GgufFields(GgufFamily family, ModelConfig config, Map<String, Object> metadata) {
    /**
     * Reads a model's configuration.
     *
     * @throws io.millrace.memory.BadInputException where it is of no family, or of a kind, that is
     *     written
     */
    static GgufFields of(Checkpoint model, GgufType type) {
        GgufFamily family = GgufFamilies.of(model.config());
        ModelConfig config =
                model.architecture() instanceof ListedArchitecture listed
                        ? listed.fields().read(model.config())
                        : model.config();
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("general.architecture", family.ggml());
        fields.put("general.type", "model");
        fields.put("general.name", name(model));
        fields.put("general.file_type", type.fileType());
        fields.put("general.quantization_version", 2);
        family.fields(config).forEach((key, value) -> fields.put(family.ggml() + "." + key, value));
        fields.put(family.ggml() + ".vocab_size", model.program().vocabSize());
        return new GgufFields(family, config, fields);
    }

    private static String name(Checkpoint model) {
        return model.directory().toAbsolutePath().normalize().getFileName().toString();
    }
}
