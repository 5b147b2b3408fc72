package io.millrace.model.architecture.known;

import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The configurations of published models by name, such as {@code opt-13b}: what planning and
 * synthetic weights need when the weights themselves are not there.
 */
public final class NamedArchitectures {
    private static final String RESOURCE = "named-architectures.json";
    private static final Map<String, JsonObject> CONFIGS = load();

    private NamedArchitectures() {}

    /** All names. */
    public static List<String> names() {
        return List.copyOf(CONFIGS.keySet());
    }

    /** The configuration of that name. */
    public static Optional<ModelConfig> find(String name) {
        return Optional.ofNullable(CONFIGS.get(name)).map(json -> ModelConfig.of(name, json));
    }

    /** What the model of a configuration computes, without weights. */
    public static ModelProgram program(ModelConfig config) {
        return Architectures.of(config).program(config, Set.of());
    }

    private static Map<String, JsonObject> load() {
        try (InputStream in = NamedArchitectures.class.getResourceAsStream(RESOURCE)) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            Map<String, JsonObject> configs = new LinkedHashMap<>();
            for (Object family : Json.parseObject(text).array("families")) {
                JsonObject json = JsonObject.of((Map<?, ?>) family);
                JsonObject models = json.object("models");
                for (String name : models.fields().keySet()) {
                    Map<String, Object> fields =
                            new LinkedHashMap<>(json.object("common").fields());
                    fields.putAll(models.object(name).fields());
                    configs.put(name, new JsonObject(fields));
                }
            }
            return configs;
        } catch (IOException e) {
            throw new UncheckedIOException(RESOURCE, e);
        }
    }
}
