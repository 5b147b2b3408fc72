package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.cuda.HostCudaOptions;
import io.millrace.memory.device.DeviceName;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs of decoders with operators that others lack. */
class DecoderRunsTest {
    @TempDir Path temp;

    /**
     * Halves of a gate, factors on parts, heads in groups, scores that fall with distance, experts.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "phi3",
                "granite",
                "falcon-40b",
                "bloom",
                "cohere",
                "gemma3",
                "mixtral",
                "qwen2_moe"
            })
    void tunesToTheSameBytesWhereItStreams(String name) throws IOException {
        JsonObject golden = Golden.json("decoders/" + name + ".json");
        Path model = Files.createDirectory(temp.resolve("model"));
        DecodersTest.writeModel(model, golden);
        List<?> ids = golden.array("input_ids");
        Path data = Golden.writeTokenised(temp.resolve("train.jsonl"), ids, ids);
        Path whole = temp.resolve("whole");
        TuningRun.run(Runs.config(model, data, whole).build(), RunListener.SILENT);

        Path out = temp.resolve("streamed");
        Runs.smallestBudget(
                budget -> Runs.config(model, data, out).memory(Runs.host(DeviceName.CPU, budget)));

        Runs.assertSame(out, Runs.result(whole), name);
    }

    @ParameterizedTest
    @CsvSource({
        "bloom, ALiBi",
        "mpt, ALiBi",
        "gpt_oss, attention sinks",
        "deepseek_v2, two sizes",
        "mixtral, routes tokens to experts"
    })
    void aCardRefusesWhatNoKernelComputes(String name, String why) throws IOException {
        JsonObject golden = Golden.json("decoders/" + name + ".json");
        Path model = Files.createDirectory(temp.resolve("model"));
        DecodersTest.writeModel(model, golden);
        Path input = temp.resolve("in.safetensors");
        DecodersTest.writeInput(input, golden);
        Path output = temp.resolve("out.safetensors");
        PanelSizes panels = new PanelSizes(4096, 5, 96);
        try (HostKit kit = HostKit.install(HostCudaOptions.defaults(), panels)) {
            assertThatThrownBy(() ->
                            ForwardPass.run(
                                    model, Optional.empty(), input, output, CudaRuns.onDevice()))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("--device")
                    .hasMessageContaining(why);
            assertThat(kit.cuda().calls("cuLaunchKernel")).isEmpty();
        }
        assertThat(output).doesNotExist();
    }
}
