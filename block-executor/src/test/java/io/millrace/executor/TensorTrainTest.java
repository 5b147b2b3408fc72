package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.adapter.TensorTrainKind;
import io.millrace.executor.companion.GivenAdapter;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.model.adapter.peft.AdapterMerge;
import io.millrace.model.file.SafetensorsFile;
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

/**
 * Tensor trains of folders that another program wrote, beside their bases: the logits are those of
 * that program, whose matrices are the cores' product in full, in float64.
 */
class TensorTrainTest {
    private static final float LOGITS = 3e-5f;

    @TempDir Path temp;

    @ParameterizedTest
    @CsvSource({"llama, llama", "opt, opt", "gpt2, gpt2-attention"})
    void aFolderStandsBesideItsBase(String model, String adapter) {
        Path answer = Golden.path("tensor-train/" + adapter + ".safetensors");
        Path output = temp.resolve("out.safetensors");
        ForwardPass.run(
                base(model), Optional.of(folder(adapter)), answer, output, MemoryConfig.DEFAULT);
        try (SafetensorsFile actual = SafetensorsFile.open(output);
                SafetensorsFile expected = SafetensorsFile.open(answer)) {
            float[] logits = actual.readFloats("logits");
            float[] wanted = expected.readFloats("logits");
            assertThat(logits).hasSameSizeAs(wanted);
            for (int i = 0; i < wanted.length; i++) {
                if (wanted[i] != 0) { // what is padded is zero there
                    assertThat(logits[i]).as("logit " + i).isCloseTo(wanted[i], within(LOGITS));
                }
            }
        }
    }

    static Stream<Arguments> fields() {
        return Stream.of(
                field("opt", "opt", "tensor_rank", 4L, "where the base asks for [1, 2, 4]"),
                field("opt", "opt", "tensor_rank", null, "'tensor_rank' is null where 1 to"),
                field("opt", "opt", "bottleneck_size", 9999L, "'bottleneck_size' is 9999"),
                field("opt", "opt", "bottleneck_size", 8L, "where the base asks for"),
                field("opt", "opt", "non_linearity", "gelu", "'non_linearity' is 'gelu'"),
                field("opt", "opt", "scaling", 2.0, "'scaling'"),
                field("opt", "opt", "target_modules", List.of(), "names no module"),
                field("opt", "opt", "target_modules", List.of("fc1"), "adapter_config.json tells"),
                field("opt", "opt", "target_modules", List.of("fc1", "q_proj"), "another model"),
                field(
                        "opt",
                        "opt",
                        "target_modules",
                        List.of("fc1", "fc2", "out_proj"),
                        "has no 'model.decoder.layers."),
                field("llama", "opt", "revision", null, "names modules of another model"));
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
        Path damaged = Files.createDirectory(temp.resolve("adapter"));
        Files.copy(
                folder(adapter).resolve("adapter_model.safetensors"),
                damaged.resolve("adapter_model.safetensors"));
        Path config = folder(adapter).resolve("adapter_config.json");
        Map<String, Object> fields =
                new HashMap<>(Json.parseObject(Files.readString(config)).fields());
        fields.put(name, value.orElse(null));
        Files.writeString(damaged.resolve("adapter_config.json"), Json.writePretty(fields));
        assertThatThrownBy(() -> GivenAdapter.open(damaged, base(model)))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(message);
    }

    @Test
    void theyAreInNoWeightOfAModel() {
        assertThatThrownBy(() ->
                        AdapterMerge.run(
                                base("opt"), folder("opt"), temp.resolve("merged"), _ -> {}))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("which are in no weight of a model");
        assertThat(temp.resolve("merged")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({"no_such", "q_proj", "lm_head"})
    void modulesWithoutAPlaceAreRefused(String module) throws IOException {
        Path out = temp.resolve("out");
        assertThatThrownBy(() ->
                        TuningRun.run(
                                Runs.config(Golden.path("opt"), Runs.data(temp, 77, 4), out)
                                        .tune(TensorTrainKind.NAME)
                                        .method(TensorTrainKind.TARGETS, List.of(module))
                                        .memory(MemoryConfig.DEFAULT)
                                        .build(),
                                RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--tt-targets: '" + module + "' matches no module")
                .hasMessageContaining("give some of out_proj,fc1,fc2");
        assertThat(out).doesNotExist();
    }

    private static Path base(String model) {
        return Golden.path("peft/models/" + model);
    }

    private static Path folder(String adapter) {
        return Golden.path("tensor-train/" + adapter);
    }
}
