package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TaskConfig;
import io.millrace.memory.DType;
import io.millrace.model.Checkpoint;
import io.millrace.model.ProgramTensors;
import io.millrace.model.architecture.known.NamedArchitectures;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.spec.TensorSpec;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sequences on either side of LongRoPE's first length, each turned by the factors of its own. */
class LongTextsTest {
    private static final JsonObject CONFIG =
            Json.parseObject(
                    """
                    {"model_type": "phi3", "vocab_size": 80, "hidden_size": 32,
                     "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
                     "num_key_value_heads": 2, "max_position_embeddings": 64,
                     "original_max_position_embeddings": 8, "pad_token_id": 0,
                     "rope_scaling": {"type": "longrope",
                                      "short_factor": [1.0, 1.1, 1.25, 1.5],
                                      "long_factor": [1.0, 2.0, 3.0, 4.0]}}\
                    """);
    private static final float SCALE = 0.25f;

    @TempDir Path temp;

    private Path model;

    @BeforeEach
    void writeModel() throws IOException {
        model = Files.createDirectory(temp.resolve("model"));
        List<TensorSpec> tensors =
                ProgramTensors.of(NamedArchitectures.program(ModelConfig.of("config.json", CONFIG)))
                        .all()
                        .distinct()
                        .toList();
        DecodersTest.writeModel(
                model,
                CONFIG,
                tensors.stream()
                        .map(one -> new SafetensorsWriter.Entry(one.name(), DType.F32, one.shape()))
                        .toList(),
                tensors.stream()
                        .map(one -> one.initial() == TensorSpec.Initial.ONE ? 1f : 0f)
                        .toList(),
                SCALE);
    }

    @Test
    void aMicroBatchMayHaveBoth() throws IOException {
        double shorter = loss("short", 1, List.of(5));
        double longer = loss("long", 1, List.of(13));
        double both = loss("both", 2, List.of(5, 13));
        assertThat(both).isCloseTo((4 * shorter + 12 * longer) / 16, within(1e-6));
        assertThat(loss("apart", 1, List.of(5, 13))).isCloseTo(both, within(1e-6));
    }

    @Test
    void aTextEndsWhereItsAnglesDo() {
        try (Checkpoint opened = Checkpoint.open(model)) {
            assertThat(opened.program().longestFrom(3)).isEqualTo(8);
            assertThat(opened.program().longestFrom(8)).isEqualTo(8);
            assertThat(opened.program().longestFrom(9)).isEqualTo(64);
        }
    }

    private double loss(String name, int together, List<Integer> lengths) throws IOException {
        List<List<Long>> rows =
                lengths.stream()
                        .map(count -> LongStream.range(0, count).map(i -> 7 + i * i % 61).boxed())
                        .map(ids -> ids.toList())
                        .toList();
        Path data = Golden.writeTokenised(temp.resolve(name + ".jsonl"), rows, rows);
        return Evaluation.run(
                        new EvalConfig(
                                model,
                                data,
                                Metric.LOSS,
                                TaskConfig.DEFAULT,
                                together,
                                MemoryConfig.DEFAULT))
                .loss();
    }
}
