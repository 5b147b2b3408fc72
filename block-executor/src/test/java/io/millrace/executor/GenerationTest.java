package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.GenerateConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.BadInputException;
import io.millrace.telemetry.json.JsonObject;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
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
