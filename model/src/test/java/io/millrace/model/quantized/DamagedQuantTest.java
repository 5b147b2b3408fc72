package io.millrace.model.quantized;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.WeightFiles;
import io.millrace.telemetry.json.JsonObject;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a configuration or its parts cannot mean is refused by name. */
class DamagedQuantTest {
    @TempDir Path temp;

    private final Map<String, Object> fields = new LinkedHashMap<>();
    private final List<SafetensorsWriter.Entry> tensors = new ArrayList<>();

    private void gptq() {
        fields.putAll(Map.of("quant_method", "gptq", "bits", 4L, "group_size", 16L));
        add("m.qweight", DType.I32, 4, 16);
        add("m.qzeros", DType.I32, 2, 2);
        add("m.scales", DType.F16, 2, 16);
        add("m.g_idx", DType.I32, 32);
    }

    private void add(String name, DType dtype, long... shape) {
        List<Long> extents = new ArrayList<>();
        for (long extent : shape) {
            extents.add(extent);
        }
        tensors.add(new SafetensorsWriter.Entry(name, dtype, extents));
    }

    private void replace(String name, DType dtype, long... shape) {
        tensors.removeIf(entry -> entry.name().equals(name));
        add(name, dtype, shape);
    }

    private void refused(String... says) {
        Path file = temp.resolve("model.safetensors");
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(file, SafetensorsWriter.PT_METADATA, tensors)) {
            for (SafetensorsWriter.Entry entry : tensors) {
                writer.write(
                        entry.name(), MemorySegment.ofArray(new byte[(int) entry.sizeBytes()]));
            }
            writer.commit();
        }
        ModelConfig config =
                ModelConfig.of(
                        "config.json",
                        new JsonObject(Map.of("quantization_config", Map.copyOf(fields))));
        try (WeightFiles weights = WeightFiles.open(temp)) {
            assertThatThrownBy(() -> QuantMethods.assemble(config, weights))
                    .isInstanceOf(BadInputException.class)
                    .satisfies(e -> {
                        for (String one : says) {
                            assertThat(e).hasMessageContaining(one);
                        }
                    });
        }
    }

    @Test
    void anUnknownMethod() {
        gptq();
        fields.put("quant_method", "hqq");
        refused("config.json", "field 'quantization_config.quant_method' is 'hqq'", "gptq");
    }

    @Test
    void plainWeights() {
        gptq();
        tensors.clear();
        add("m.weight", DType.F32, 4, 4);
        refused("says that the model is quantised (gptq), but its weights are plain");
    }

    @Test
    void widthsThatAreNotRead() {
        gptq();
        fields.put("bits", 3L);
        refused("field 'quantization_config.bits' is 3, which is not read", "[4, 8]");
    }

    @Test
    void aFieldThatNobodyKnows() {
        gptq();
        fields.put("rotation", "hadamard");
        refused("field 'quantization_config.rotation' is hadamard, which is not known");
    }

    @Test
    void aFormatThatIsNotRead() {
        gptq();
        fields.put("checkpoint_format", "marlin");
        refused("checkpoint_format' is marlin, which is not read");
    }

    @Test
    void aMissingPart() {
        gptq();
        tensors.removeIf(entry -> entry.name().equals("m.qzeros"));
        refused("tensor 'm.qzeros' is missing");
    }

    @Test
    void aPartOfAnotherShape() {
        gptq();
        replace("m.scales", DType.F16, 3, 16);
        refused("tensor 'm.scales' has shape [3, 16]", "16 by 32 has [2, 16]");
    }

    @Test
    void aPartOfAnotherType() {
        gptq();
        replace("m.qzeros", DType.F32, 2, 2);
        refused("tensor 'm.qzeros' is of F32 where [I32] fits");
    }

    @Test
    void groupsThatLeaveInputs() {
        gptq();
        tensors.removeIf(entry -> entry.name().equals("m.g_idx"));
        fields.put("group_size", 20L);
        refused("has 32 inputs, which groups of 20 leave");
    }

    @Test
    void aMatrixThatIsLeftOutAndPacked() {
        gptq();
        fields.put("dynamic", Map.of("-:m", Map.of()));
        refused("'quantization_config.dynamic' leaves out 'm', which is packed");
    }

    @Test
    void groupsOfAwqThatDoNotDivide() {
        fields.putAll(Map.of("quant_method", "awq", "bits", 4L, "group_size", 24L));
        add("m.qweight", DType.I32, 32, 2);
        refused("group_size' is 24, which does not divide the 32 inputs of 'm'");
    }

    @Test
    void scalesOfNoRectangle() {
        fields.putAll(Map.of("quant_method", "fp8", "weight_block_size", List.of(8L, 8L)));
        add("m.weight", DType.F8_E4M3, 16, 20);
        add("m.weight_scale_inv", DType.F32, 2, 2);
        refused("tensor 'm.weight_scale_inv' has shape [2, 2] where 2 by 3 scales are meant");
    }

    @Test
    void codesThatAreTooFew() {
        fields.putAll(Map.of("quant_method", "bitsandbytes", "load_in_8bit", true));
        add("m.SCB", DType.F32, 7);
        add("m.weight", DType.I8, 8, 4);
        refused("tensor 'm.SCB' has shape [7]", "has [8]");
    }
}
