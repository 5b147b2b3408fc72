package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.adapter.Ia3Kind;
import io.millrace.executor.adapter.VirtualKind;
import io.millrace.executor.companion.GivenAdapter;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.model.adapter.peft.AdapterMerge;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** IA³, prompts and prefixes that are not what they should be are refused in a line. */
class RefusedKindsTest {
    @TempDir Path temp;

    static Stream<Arguments> fields() {
        return Stream.of(
                field("opt", "opt-ia3", "feedforward_modules", List.of(), "has shape [1,"),
                field("opt", "opt-ia3", "target_modules", List.of("fc2"), "among the targets"),
                field(
                        "opt",
                        "opt-ia3",
                        "target_modules",
                        List.of("q_proj", "k_proj", "fc2", "out_proj"),
                        "has no scales of '"),
                field("opt", "opt-ia3", "modules_to_save", List.of("lm_head"), "'modules_to_save'"),
                field("llama", "opt-ia3", "revision", null, "a module that the model in"),
                field("opt", "opt-prompt", "num_virtual_tokens", 4L, "asks for [4,"),
                field("opt", "opt-prompt", "num_virtual_tokens", "3", "leave room for a text"),
                field("opt", "opt-prompt", "num_virtual_tokens", 9999L, "leave room for a text"),
                field("opt", "opt-prefix", "prefix_projection", true, "'prefix_projection'"),
                field("opt", "opt-prefix", "num_virtual_tokens", 2L, "asks for [2,"),
                field("gpt2", "llama-prefix", "revision", null, "where the base asks for"));
    }

    private static Arguments field(
            String model, String adapter, String name, Object value, String message) {
        return Arguments.of(model, adapter, name, Optional.ofNullable(value), message);
    }

    @ParameterizedTest(name = "{1} of {0}: {2}")
    @MethodSource("fields")
    void aFieldThatDoesNotFitIsNamed(
            String model, String adapter, String name, Optional<Object> value, String message)
            throws IOException, JsonFormatException {
        Path whole = Golden.path("peft/adapters/" + adapter);
        Path folder = Files.createDirectory(temp.resolve("adapter"));
        Files.copy(
                whole.resolve("adapter_model.safetensors"),
                folder.resolve("adapter_model.safetensors"));
        Map<String, Object> fields =
                new HashMap<>(
                        Json.parseObject(Files.readString(whole.resolve("adapter_config.json")))
                                .fields());
        fields.put(name, value.orElse(null));
        Files.writeString(folder.resolve("adapter_config.json"), Json.writePretty(fields));
        assertThatThrownBy(() -> GivenAdapter.open(folder, Golden.path("peft/models/" + model)))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource({"prompt", "prefix"})
    void whatIsInNoWeightIsNotMerged(String kind) {
        assertThatThrownBy(() ->
                        AdapterMerge.run(
                                Golden.path("peft/models/opt"),
                                Golden.path("peft/adapters/opt-" + kind),
                                temp.resolve("merged"),
                                _ -> {}))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("has a " + kind + ", which is in no weight of a model");
        assertThat(temp.resolve("merged")).doesNotExist();
    }

    @Test
    void optionsOfAnotherKindAreRefused() throws IOException {
        Path model = Golden.path("opt");
        Path data = Runs.data(temp, 77, 4);
        assertThatThrownBy(() ->
                        TuningRun.run(
                                Runs.config(model, data, temp.resolve("out"))
                                        .tune("ia3")
                                        .method(Ia3Kind.TARGETS, List.of("no_such"))
                                        .memory(MemoryConfig.DEFAULT)
                                        .build(),
                                RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--ia3-targets")
                .hasMessageContaining("q_proj");
        assertThatThrownBy(() ->
                        TuningRun.run(
                                Runs.config(model, data, temp.resolve("out"))
                                        .tune("prompt")
                                        .method(VirtualKind.PROMPT.tokens(), 64)
                                        .memory(MemoryConfig.DEFAULT)
                                        .build(),
                                RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--prompt-tokens: 64 leave no position of 64 to a text");
        assertThat(temp.resolve("out")).doesNotExist();
    }
}
