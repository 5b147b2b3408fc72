package io.millrace.model.quantized;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.WeightFiles;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Experts that are packed in one tensor, against what transformers makes of it. */
class JoinedExpertsTest {
    private static final Path GOLDEN =
            Path.of("src/test/resources/experts/gpt-oss-mxfp4.safetensors");
    private static final String TENSOR = "model.layers.0.mlp.experts.gate_up_proj";
    private static final String PLAIN = "model.layers.*.self_attn";

    @TempDir Path temp;

    private static ModelConfig config(Object fields) {
        return ModelConfig.of("config.json", new JsonObject(Map.of("quantization_config", fields)));
    }

    private static ModelConfig plain(String... modules) {
        return config(Map.of("quant_method", "mxfp4", "modules_to_not_convert", List.of(modules)));
    }

    /** convert_moe_packed_tensors gives [experts, inputs, outputs]. */
    @Test
    void eachExpertHasTheBitsOfTheReference() throws IOException {
        Files.copy(GOLDEN, temp.resolve("model.safetensors"));
        try (SafetensorsFile file = SafetensorsFile.open(GOLDEN);
                WeightFiles stored = WeightFiles.open(temp)) {
            JsonObject fields = Json.parseObject(file.metadata().get("quantization_config"));
            WeightFiles weights = QuantMethods.assemble(config(fields.fields()), stored);
            List<Long> shape = file.tensor("expected").shape();
            float[] expected = file.readFloats("expected");
            assertThat(weights.tensors()).doesNotContainKey(TENSOR + "_blocks");
            int inputs = shape.get(1).intValue();
            int outputs = shape.get(2).intValue();
            for (int expert = 0; expert < shape.getFirst(); expert++) {
                TensorInfo tensor = weights.tensors().get(TENSOR + "[" + expert + "]");
                assertThat(tensor.shape()).containsExactly((long) outputs, (long) inputs);
                MemorySegment bytes = MemorySegment.ofArray(new byte[(int) tensor.sizeBytes()]);
                weights.read(tensor, 0, bytes);
                float[] values = new float[inputs * outputs];
                tensor.format().load(bytes, 0, 0, values, 0, values.length);
                for (int i = 0; i < values.length; i++) {
                    int at = (expert * inputs + i % inputs) * outputs + i / inputs;
                    assertThat(Float.floatToRawIntBits(values[i]))
                            .as("expert %d, element %d", expert, i)
                            .isEqualTo(Float.floatToRawIntBits(expected[at]));
                }
            }
        }
    }

    @Test
    void scalesOfOtherGroupsAreRefused() {
        refused(List.of(2L, 8L, 2L, 16L), List.of(2L, 8L, 3L), plain(PLAIN), "has shape [2, 8, 3]");
    }

    @Test
    void blocksOfOtherSizesAreRefused() {
        refused(List.of(2L, 8L, 2L, 8L), List.of(2L, 8L, 2L), plain(PLAIN), "has [2, 8, 2, 16]");
        refused(List.of(8L, 2L, 16L), List.of(8L, 2L), plain(PLAIN), "where 4 axes are meant");
    }

    @Test
    void expertsThatAreSaidToBePlainAreRefused() {
        refused(
                List.of(2L, 8L, 2L, 16L),
                List.of(2L, 8L, 2L),
                plain(PLAIN, "model.layers.*.mlp.experts"),
                "names model.layers.*.mlp.experts, but '" + TENSOR + "[0]' is packed");
    }

    private void refused(List<Long> blocks, List<Long> scales, ModelConfig config, String message) {
        Path file = temp.resolve("model.safetensors");
        List<SafetensorsWriter.Entry> entries =
                List.of(
                        new SafetensorsWriter.Entry(TENSOR + "_blocks", DType.U8, blocks),
                        new SafetensorsWriter.Entry(TENSOR + "_scales", DType.U8, scales));
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(file, SafetensorsWriter.PT_METADATA, entries)) {
            entries.forEach(entry ->
                    writer.write(
                            entry.name(),
                            MemorySegment.ofArray(new byte[(int) entry.sizeBytes()])));
            writer.commit();
        }
        try (WeightFiles weights = WeightFiles.open(temp)) {
            assertThatThrownBy(() -> QuantMethods.assemble(config, weights))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining(message);
        }
    }
}
