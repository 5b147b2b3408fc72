package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Greedy continuations of a real model, token by token over kept keys and values. */
class GenerationTest {
    @ParameterizedTest
    @ValueSource(strings = {"stories260k", "stories260k-sharded"})
    void continuesThePromptsAsTheReferenceDoes(String name) {
        Path model = Golden.path(name);
        List<JsonObject> prompts =
                Golden.objects(Golden.json("stories260k.json").object("prompts").array(name));
        assertThat(prompts).isNotEmpty();
        for (JsonObject prompt : prompts) {
            Generation.Result result =
                    Generation.run(
                            new GenerateConfig(
                                    model, prompt.string("prompt"), 100, MemoryConfig.DEFAULT));
            assertThat(result.promptIds()).containsExactly(ids(prompt, "prompt_ids"));
            assertThat(result.newIds()).containsExactly(ids(prompt, "greedy_ids"));
            assertThat(result.text()).isEqualTo(prompt.string("text"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"config.json", "generation_config.json"})
    void endsAtAnyOfTheListedMarks(String file, @TempDir Path model) throws IOException {
        for (String name : List.of("config.json", "tokenizer.json", "model.safetensors")) {
            Files.copy(Golden.path("stories260k").resolve(name), model.resolve(name));
        }
        int[] free = generated(model);
        int end = free[7];
        int first = IntStream.range(0, 8).filter(i -> free[i] == end).findFirst().getAsInt();
        Path listed = model.resolve(file);
        JsonObject before =
                Files.exists(listed)
                        ? Json.parseObject(Files.readString(listed))
                        : new JsonObject(Map.of());
        Map<String, Object> fields = new LinkedHashMap<>(before.fields());
        fields.put("eos_token_id", List.of(2, end));
        Files.writeString(listed, Json.write(fields));
        assertThat(generated(model)).containsExactly(Arrays.copyOf(free, first));
    }

    private static int[] generated(Path model) {
        return Generation.run(
                        new GenerateConfig(model, "Once upon a time", 20, MemoryConfig.DEFAULT))
                .newIds();
    }

    @Test
    void refusesAPromptThatFillsTheModel() {
        GenerateConfig config =
                new GenerateConfig(
                        Golden.path("stories260k"),
                        "Once upon a time. ".repeat(200),
                        10,
                        MemoryConfig.DEFAULT);
        assertThatThrownBy(() -> Generation.run(config))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--prompt");
    }

    private static int[] ids(JsonObject prompt, String field) {
        return prompt.array(field).stream().mapToInt(id -> ((Number) id).intValue()).toArray();
    }
}
