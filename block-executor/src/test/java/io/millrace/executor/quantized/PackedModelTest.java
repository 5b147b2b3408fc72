package io.millrace.executor.quantized;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.ForwardPass;
import io.millrace.executor.Golden;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.DType;
import io.millrace.model.quantized.format.GptqFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A packed model computes what the floats that it stands for do, to the bit. */
class PackedModelTest {
    @TempDir Path temp;

    @Test
    void forwardHasTheBitsOfWhatTheCodesMean() throws IOException {
        PackedModels.Pair pair =
                PackedModels.write(
                        temp,
                        "llama",
                        (rows, columns) ->
                                new GptqFormat(rows, columns, 4, 16, true, true, DType.F16),
                        Map.of("quant_method", "gptq", "bits", 4L, "group_size", 16L));
        assertThat(forward(pair.packed(), "packed")).isEqualTo(forward(pair.plain(), "plain"));
    }

    private byte[] forward(Path model, String name) throws IOException {
        Path out = temp.resolve(name + ".safetensors");
        ForwardPass.run(
                model,
                Golden.path("llama").resolve("io.safetensors"),
                out,
                MemoryConfig.DEFAULT);
        return Files.readAllBytes(out);
    }
}
