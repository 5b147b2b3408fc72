package io.millrace.executor.quantized;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.ForwardPass;
import io.millrace.executor.Golden;
import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.Checkpoint;
import io.millrace.model.adapter.peft.AdapterMerge;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.quantized.format.AwqFormat;
import io.millrace.model.quantized.format.GptqFormat;
import io.millrace.model.quantized.format.MicroscaledFormat;
import io.millrace.model.quantized.format.PackedRowsFormat;
import io.millrace.model.quantized.format.ScaledBytesFormat;
import io.millrace.model.quantized.format.TableFormat;
import io.millrace.optim.journal.JournalReader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A packed model computes what the floats that it stands for do, to the bit, wherever it lies. */
class PackedModelTest {
    private static final String ADAPTER = "adapter_model.safetensors";

    @TempDir Path temp;

    static Stream<Arguments> formats() {
        return Stream.of(
                Arguments.of(
                        "gptq",
                        packing((rows, columns) ->
                                new GptqFormat(rows, columns, 4, 16, true, false, DType.F16)),
                        Map.of("quant_method", "gptq", "bits", 4L, "group_size", 16L)),
                Arguments.of(
                        "gptq in any order",
                        packing((rows, columns) ->
                                new GptqFormat(rows, columns, 8, 16, false, true, DType.F16)),
                        Map.of(
                                "quant_method",
                                "gptq",
                                "bits",
                                8L,
                                "group_size",
                                16L,
                                "checkpoint_format",
                                "gptq_v2")),
                Arguments.of(
                        "awq",
                        packing((rows, columns) -> new AwqFormat(rows, columns, 32, DType.F16)),
                        Map.of("quant_method", "awq", "bits", 4L, "group_size", 32L)),
                Arguments.of(
                        "compressed-tensors",
                        packing((rows, columns) ->
                                new PackedRowsFormat(
                                        rows, columns, 4, 32, true, false, DType.BF16, DType.I64)),
                        PackedModels.compressed(
                                "pack-quantized",
                                Map.of(
                                        "num_bits",
                                        4L,
                                        "strategy",
                                        "group",
                                        "group_size",
                                        32L,
                                        "symmetric",
                                        false))),
                Arguments.of(
                        "fp8",
                        packing((rows, columns) ->
                                new ScaledBytesFormat(
                                        rows,
                                        columns,
                                        DType.F8_E4M3,
                                        new ScaledBytesFormat.ScalePart(
                                                "weight_scale_inv",
                                                DType.F32,
                                                List.of((rows + 31L) / 32, (columns + 31L) / 32)),
                                        32,
                                        32,
                                        false)),
                        Map.of("quant_method", "fp8", "weight_block_size", List.of(32L, 32L))),
                Arguments.of(
                        "int8 of bitsandbytes",
                        packing((rows, columns) ->
                                new ScaledBytesFormat(
                                        rows,
                                        columns,
                                        DType.I8,
                                        new ScaledBytesFormat.ScalePart(
                                                "SCB", DType.F32, List.of((long) rows)),
                                        1,
                                        columns,
                                        false)),
                        Map.of("quant_method", "bitsandbytes", "load_in_8bit", true)),
                Arguments.of(
                        "nf4 of bitsandbytes",
                        packing(PackedModelTest::nf4),
                        Map.of("quant_method", "bitsandbytes", "load_in_4bit", true)),
                Arguments.of(
                        "mxfp4",
                        packing((rows, columns) ->
                                new MicroscaledFormat(
                                        rows, columns, "weight_packed", "weight_scale", false)),
                        PackedModels.compressed("mxfp4-pack-quantized", Map.of("num_bits", 4L))));
    }

    private static PackedModels.Packing packing(PackedModels.Packing packing) {
        return packing;
    }

    private static TableFormat nf4(int rows, int columns) {
        long bytes = (long) rows * columns / 2;
        return new TableFormat(
                rows,
                columns,
                64,
                new TableFormat.Storage(DType.U8, List.of(bytes, 1L)),
                TableFormat.Nested.NONE,
                new TableFormat.State(
                        "weight.quant_state.bitsandbytes__nf4",
                        PackedModels.state(rows, columns).length));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("formats")
    void computesWhatTheCodesMean(
            String name, PackedModels.Packing packing, Map<String, Object> fields)
            throws IOException {
        PackedModels.Pair pair = PackedModels.write(temp, "llama", packing, fields);
        assertThat(forward(pair.packed(), "packed")).isEqualTo(forward(pair.plain(), "plain"));
        try (Checkpoint checkpoint = Checkpoint.open(pair.packed())) {
            checkpoint.scan();
        }

        Path memory = tune(pair.packed(), "memory", MemoryConfig.DEFAULT);
        Path plain = tune(pair.plain(), "of-plain", MemoryConfig.DEFAULT);
        assertThat(JournalReader.read(memory.resolve("journal.jsonl")).records())
                .isEqualTo(JournalReader.read(plain.resolve("journal.jsonl")).records());
        assertSameAdapter(memory, plain);

        AdapterMerge.run(pair.packed(), memory, temp.resolve("merged"), _ -> {});
        AdapterMerge.run(pair.plain(), plain, temp.resolve("merged-plain"), _ -> {});
        assertThat(forward(temp.resolve("merged"), "merged"))
                .isEqualTo(forward(temp.resolve("merged-plain"), "merged-plain"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"lora", "prefix", "ia3"})
    void whereItLiesAndWhenItStopsShowsInNoByte(String kind) throws IOException {
        PackedModels.Pair pair =
                PackedModels.write(
                        temp,
                        "llama",
                        PackedModelTest::nf4,
                        Map.of("quant_method", "bitsandbytes", "load_in_4bit", true));
        Path model = pair.packed();
        Path data = Runs.data(temp, 31, 10);
        Map<String, byte[]> expected =
                Runs.result(run(config(model, data, "memory", MemoryConfig.DEFAULT).tune(kind)));
        long least =
                Runs.smallestBudget(budget ->
                        config(model, data, "probe" + budget, Runs.host(DeviceName.CPU, budget))
                                .tune(kind));
        MemoryConfig streamed = Runs.host(DeviceName.CPU, least);
        Runs.assertSame(
                run(config(model, data, "streamed", streamed).tune(kind)), expected, "streamed");
        MemoryConfig emulated = Runs.memory(DeviceName.EMULATED, OptionalLong.empty());
        Runs.assertSame(
                run(config(model, data, "emulated", emulated).tune(kind)), expected, "emulated");
        TuneConfigBuilder cut = config(model, data, "cut", streamed).tune(kind);
        assertThatThrownBy(() -> TuningRun.run(cut.build(), Runs.cutAfter(4)))
                .isInstanceOf(Runs.Cut.class);
        Runs.assertSame(
                run(config(model, data, "cut", emulated).tune(kind).resume(true)),
                expected,
                "gone on");
        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, temp.resolve("memory").resolve("journal.jsonl"), rebuilt);
        assertThat(Files.readAllBytes(rebuilt.resolve(ADAPTER))).isEqualTo(expected.get(ADAPTER));
    }

    @Test
    void whatIsPlainIsTunedAndPartsAreWrittenAsTheyWere() throws IOException {
        PackedModels.Pair pair =
                PackedModels.write(
                        temp,
                        "llama",
                        (rows, columns) ->
                                new GptqFormat(rows, columns, 4, 16, true, true, DType.F16),
                        Map.of("quant_method", "gptq", "bits", 4L, "group_size", 16L));
        Path data = Runs.data(temp, 31, 10);
        MemoryConfig memory = MemoryConfig.DEFAULT;
        Path tuned = run(config(pair.packed(), data, "tuned", memory).tune("*norm*"));
        Path plain = run(config(pair.plain(), data, "tuned-plain", memory).tune("*norm*"));
        try (SafetensorsFile before =
                        SafetensorsFile.open(pair.packed().resolve("model.safetensors"));
                SafetensorsFile after = SafetensorsFile.open(tuned.resolve("model.safetensors"));
                SafetensorsFile same = SafetensorsFile.open(plain.resolve("model.safetensors"))) {
            assertThat(after.tensors().keySet()).isEqualTo(before.tensors().keySet());
            for (String name : after.tensors().keySet()) {
                SafetensorsFile expected = name.contains("norm") ? same : before;
                assertThat(bytes(after, name)).as(name).isEqualTo(bytes(expected, name));
            }
        }
        assertThat(Files.readAllBytes(tuned.resolve("config.json")))
                .isEqualTo(Files.readAllBytes(pair.packed().resolve("config.json")));
    }

    private static byte[] bytes(SafetensorsFile file, String name) {
        byte[] bytes = new byte[(int) file.tensor(name).sizeBytes()];
        file.read(file.tensor(name), MemorySegment.ofArray(bytes));
        return bytes;
    }

    @Test
    void aFileOfLlamaCppComputesWhatItsUnitsMean() throws IOException {
        Path model = Golden.path("gguf");
        Path data = Runs.data(temp, 31, 10);
        Path plain = PackedModels.plain(temp.resolve("plain"), model.resolve("tiny.gguf"));
        assertThat(forward(model, "packed")).isEqualTo(forward(plain, "plain"));
        Path tuned = tune(model, "tuned", MemoryConfig.DEFAULT);
        Path same = tune(plain, "same", MemoryConfig.DEFAULT);
        assertSameAdapter(tuned, same);
        long least =
                Runs.smallestBudget(budget ->
                        config(model, data, "probe" + budget, Runs.host(DeviceName.CPU, budget))
                                .steps(3));
        Path streamed = tune(model, "streamed", Runs.host(DeviceName.CPU, least));
        assertThat(Files.readAllBytes(streamed.resolve(ADAPTER)))
                .isEqualTo(Files.readAllBytes(tuned.resolve(ADAPTER)));
        AdapterMerge.run(model, tuned, temp.resolve("merged"), _ -> {});
        try (Checkpoint merged = Checkpoint.open(temp.resolve("merged"))) {
            assertThat(merged.config().dtype()).contains(DType.BF16);
            assertThat(
                            merged.layout().blocks().stream()
                                    .flatMap(block -> block.tensors().stream())
                                    .allMatch(slot -> slot.isPlain()))
                    .isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"full", "*q_proj*"})
    void codesAreNotTunedAndTheOtherWaysAreNamed(String tune) throws IOException {
        PackedModels.Pair pair =
                PackedModels.write(
                        temp,
                        "llama",
                        (rows, columns) -> new AwqFormat(rows, columns, 32, DType.F16),
                        Map.of("quant_method", "awq", "bits", 4L, "group_size", 32L));
        Path data = Runs.data(temp, 31, 10);
        TuneConfigBuilder run = config(pair.packed(), data, "out", MemoryConfig.DEFAULT).tune(tune);
        assertThatThrownBy(() -> TuningRun.run(run.build(), RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("is quantised (awq-int4-g32)")
                .hasMessageContaining("--tune lora")
                .hasMessageContaining("--tune scales");
    }

    /** But for what names the run, which names its base. */
    private static void assertSameAdapter(Path one, Path other) {
        try (SafetensorsFile left = SafetensorsFile.open(one.resolve(ADAPTER));
                SafetensorsFile right = SafetensorsFile.open(other.resolve(ADAPTER))) {
            assertThat(left.tensors().keySet()).isEqualTo(right.tensors().keySet()).isNotEmpty();
            for (String name : left.tensors().keySet()) {
                assertThat(left.readFloats(name)).as(name).containsExactly(right.readFloats(name));
            }
        }
    }

    private Path tune(Path model, String out, MemoryConfig memory) throws IOException {
        return run(config(model, Runs.data(temp, 31, 10), out, memory).steps(3));
    }

    private TuneConfigBuilder config(Path model, Path data, String out, MemoryConfig memory) {
        return Runs.config(model, data, temp.resolve(out)).tune("lora").lr(1e-2).memory(memory);
    }

    private static Path run(TuneConfigBuilder config) {
        return TuningRun.run(config.build(), RunListener.SILENT).out();
    }

    private byte[] forward(Path model, String name) throws IOException {
        Path out = temp.resolve(name + ".safetensors");
        ForwardPass.run(
                model, Golden.path("llama").resolve("io.safetensors"), out, MemoryConfig.DEFAULT);
        return Files.readAllBytes(out);
    }
}
