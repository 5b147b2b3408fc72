package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Decoders with a head for labels ({@code LlamaForSequenceClassification} and its like): logits of
 * each text's last token, padding apart, against those of transformers in float64.
 */
class LabelledDecodersTest {
    private static final String TEXTS =
            """
            {"text": "Once upon a time", "label": 0}
            {"text": "there was", "label": 2}
            {"text": "a little girl", "label": 1}
            {"text": "who had a cat", "label": 2}
            """;

    private static final long VOCABULARY = 512;

    private static final TaskConfig TASK =
            new TaskConfig(Optional.of("{text}"), List.of(), OptionalInt.of(24), true);

    @TempDir Path temp;

    static Stream<String> names() {
        return Golden.labelled().stream();
    }

    @ParameterizedTest
    @MethodSource("names")
    void agreesWithTheReference(String name) throws IOException {
        DecodersTest.assertAgrees(temp, Golden.json("labelled/" + name), MemoryConfig.DEFAULT);
    }

    /** The head is trained as all else, under every placement. */
    @Test
    void learnsItsLabelsTheSameEverywhere() throws IOException {
        Path model = model();
        Path data = Files.writeString(temp.resolve("train.jsonl"), TEXTS);
        double before = loss(model, data);
        Map<String, byte[]> expected =
                Runs.result(run(model, data, "memory", MemoryConfig.DEFAULT));
        assertThat(loss(temp.resolve("memory"), data)).isLessThan(before);
        try (SafetensorsFile begun = SafetensorsFile.open(model.resolve("model.safetensors"));
                SafetensorsFile tuned =
                        SafetensorsFile.open(temp.resolve("memory/model.safetensors"))) {
            assertThat(tuned.readFloats("score.weight"))
                    .isNotEqualTo(begun.readFloats("score.weight"));
        }
        long least =
                Runs.smallestBudget(budget ->
                        config(model, data, "probe" + budget, Runs.host(DeviceName.CPU, budget)));
        MemoryConfig small = Runs.host(DeviceName.CPU, least);
        Runs.assertSame(run(model, data, "small", small), expected, "streamed");
        MemoryConfig emulated = Runs.memory(DeviceName.EMULATED, OptionalLong.empty());
        Runs.assertSame(run(model, data, "emulated", emulated), expected, "emulated");
        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, temp.resolve("memory/journal.jsonl"), rebuilt);
        assertThat(Files.readAllBytes(rebuilt.resolve("model.safetensors")))
                .isEqualTo(expected.get("model.safetensors"));
    }

    private Path model() throws IOException {
        JsonObject golden = Golden.json("labelled/llama.json");
        Path model = Files.createDirectory(temp.resolve("model"));
        DecodersTest.writeModel(model, wider(golden));
        for (String file : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(Golden.path("stories260k").resolve(file), model.resolve(file));
        }
        return model;
    }

    /** With as many ids as the tokenizer has. */
    private static JsonObject wider(JsonObject golden) {
        Map<String, Object> fields = new LinkedHashMap<>(golden.fields());
        Map<String, Object> config = new LinkedHashMap<>(golden.object("config").fields());
        config.put("vocab_size", VOCABULARY);
        fields.put("config", config);
        fields.put(
                "tensors",
                golden.array("tensors").stream()
                        .map(tensor -> (List<?>) tensor)
                        .map(tensor ->
                                tensor.getFirst().equals("model.embed_tokens.weight")
                                        ? List.of(
                                                tensor.get(0),
                                                List.of(VOCABULARY, 32L),
                                                tensor.get(2))
                                        : tensor)
                        .toList());
        return new JsonObject(fields);
    }

    private static double loss(Path model, Path data) {
        return Evaluation.run(
                        new EvalConfig(model, data, Metric.LOSS, TASK, 2, MemoryConfig.DEFAULT))
                .loss();
    }

    private TuneConfigBuilder config(Path model, Path data, String out, MemoryConfig memory) {
        return TuneConfig.builder(model, data, temp.resolve(out))
                .task(TASK)
                .batchSize(4)
                .microBatch(2)
                .steps(20)
                .seed(3)
                .lr(1e-3)
                .eps(1e-3)
                .queries(2)
                .memory(memory);
    }

    private Path run(Path model, Path data, String out, MemoryConfig memory) {
        return TuningRun.run(config(model, data, out, memory).build(), RunListener.SILENT).out();
    }
}
