package io.millrace.executor.panels;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.model.architecture.Architecture;
import io.millrace.model.architecture.known.Architectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.program.ModelProgram;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A known family of which a model says in how many rows at a time its vocabulary moves. */
public abstract class PanelledArchitecture implements Architecture {
    private static final String PREFIX = "panelled-";
    private static final String ROWS = "panel_rows";

    private final String kind;

    private PanelledArchitecture(String kind) {
        this.kind = kind;
    }

    /** Makes a copy of a model whose vocabulary moves so many rows at a time. */
    public static Path copy(Path model, Path folder, int rows) throws IOException {
        Files.createDirectories(folder);
        for (Path file : files(model)) {
            Files.copy(file, folder.resolve(file.getFileName()));
        }
        Path file = folder.resolve("config.json");
        JsonObject config = Json.parseObject(Files.readString(file));
        Map<String, Object> fields = new LinkedHashMap<>(config.fields());
        String kind = config.string("model_type");
        assertThat(Architectures.find(PREFIX + kind)).as(kind).isPresent();
        fields.put("model_type", PREFIX + kind);
        fields.put(ROWS, (long) rows);
        Files.writeString(file, Json.writePretty(fields));
        return folder;
    }

    private static List<Path> files(Path model) throws IOException {
        try (var entries = Files.list(model)) {
            return entries.filter(Files::isRegularFile).toList();
        }
    }

    @Override
    public String modelType() {
        return PREFIX + kind;
    }

    @Override
    public ModelProgram program(ModelConfig config, Set<String> tensorNames) {
        return known().program(config, tensorNames).withPanels(config.positive(ROWS));
    }

    @Override
    public boolean isBuffer(String tensorName) {
        return known().isBuffer(tensorName);
    }

    private Architecture known() {
        return Architectures.find(kind).orElseThrow();
    }

    /** Untied. */
    public static final class Llama extends PanelledArchitecture {
        public Llama() {
            super("llama");
        }
    }

    /** Tied, with positions beside the table. */
    public static final class Opt extends PanelledArchitecture {
        public Opt() {
            super("opt");
        }
    }

    /** Tied, and nothing beside the table. */
    public static final class Qwen2 extends PanelledArchitecture {
        public Qwen2() {
            super("qwen2");
        }
    }

    /** Tied, with factors on what is looked up and a softcap on logits. */
    public static final class Gemma2 extends PanelledArchitecture {
        public Gemma2() {
            super("gemma2");
        }
    }

    /** Untied, with a bias of logits. */
    public static final class GptJ extends PanelledArchitecture {
        public GptJ() {
            super("gptj");
        }
    }

    /** Untied, with experts. */
    public static final class Mixtral extends PanelledArchitecture {
        public Mixtral() {
            super("mixtral");
        }
    }
}
