package io.millrace.executor.quantized;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.ForwardPass;
import io.millrace.executor.Golden;
import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.Checkpoint;
import io.millrace.model.WrittenForm;
import io.millrace.model.adapter.peft.AdapterMerge;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.export.ModelExport;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.quantized.format.MicroscaledFormat;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** gpt-oss as it is published: experts in MXFP4, all of a layer in one tensor. */
class PackedExpertsTest {
    private static final int EXPERTS = 6;
    private static final double TOLERANCE = 3e-5;
    private static final String WEIGHTS = "model.safetensors";

    @TempDir Path temp;

    private final Random random = new Random(3);
    private Path packed;
    private Path plain;

    @BeforeEach
    void write() throws IOException {
        Map<String, Object> config = new LinkedHashMap<>(Golden.json("qwen3/config.json").fields());
        config.putAll(
                Map.of(
                        "model_type", "gpt_oss",
                        "head_dim", 16L,
                        "hidden_size", 96L,
                        "intermediate_size", 64L,
                        "num_local_experts", (long) EXPERTS,
                        "num_experts_per_tok", 2L,
                        "sliding_window", 5L,
                        "vocab_size", 320L,
                        "tie_word_embeddings", false));
        Path made = temp.resolve("made");
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(config)), DType.F32, 7, made, _ -> {});
        packed = Files.createDirectory(temp.resolve("packed"));
        plain = Files.createDirectory(temp.resolve("plain"));
        Files.copy(made.resolve("config.json"), plain.resolve("config.json"));
        config.put(
                "quantization_config",
                Map.of(
                        "quant_method",
                        "mxfp4",
                        "modules_to_not_convert",
                        List.of("model.layers.*.self_attn", "lm_head")));
        Files.writeString(packed.resolve("config.json"), Json.write(config));
        Map<SafetensorsWriter.Entry, byte[]> codes = new LinkedHashMap<>();
        Map<SafetensorsWriter.Entry, byte[]> values = new LinkedHashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(made.resolve(WEIGHTS))) {
            for (TensorInfo tensor : file.tensors().values()) {
                byte[] bytes = new byte[(int) tensor.sizeBytes()];
                file.read(tensor, MemorySegment.ofArray(bytes));
                SafetensorsWriter.Entry entry =
                        entry(tensor.name(), tensor.dtype(), tensor.shape());
                if (tensor.name().endsWith("_proj") && tensor.shape().size() == 3) {
                    bytes = pack(tensor, codes);
                } else {
                    codes.put(entry, bytes);
                }
                values.put(entry, bytes);
            }
        }
        PackedModels.write(packed, codes);
        PackedModels.write(plain, values);
    }

    private static SafetensorsWriter.Entry entry(String name, DType dtype, List<Long> shape) {
        return new SafetensorsWriter.Entry(name, dtype, shape);
    }

    /** Adds blocks and scales; what they mean, [experts, inputs, outputs]. */
    private byte[] pack(TensorInfo tensor, Map<SafetensorsWriter.Entry, byte[]> codes) {
        int inputs = tensor.shape().get(1).intValue();
        int outputs = tensor.shape().get(2).intValue();
        long groups = inputs / MicroscaledFormat.GROUP;
        byte[] blocks = new byte[EXPERTS * outputs * inputs / 2];
        byte[] scales = new byte[EXPERTS * outputs * (int) groups];
        random.nextBytes(blocks);
        for (int i = 0; i < scales.length; i++) {
            scales[i] = (byte) (120 + random.nextInt(4));
        }
        List<Long> shape = List.of((long) EXPERTS, (long) outputs, groups);
        codes.put(
                entry(
                        tensor.name() + "_blocks",
                        DType.U8,
                        List.of((long) EXPERTS, (long) outputs, groups, 16L)),
                blocks);
        codes.put(entry(tensor.name() + "_scales", DType.U8, shape), scales);
        MicroscaledFormat format = new MicroscaledFormat(outputs, inputs, "", "", true);
        int ofCodes = outputs * inputs / 2;
        int ofScales = outputs * (int) groups;
        float[] all = new float[EXPERTS * inputs * outputs];
        for (int expert = 0; expert < EXPERTS; expert++) {
            byte[] parts = new byte[ofCodes + ofScales];
            System.arraycopy(blocks, expert * ofCodes, parts, 0, ofCodes);
            System.arraycopy(scales, expert * ofScales, parts, ofCodes, ofScales);
            float[] matrix = new float[inputs * outputs];
            format.load(MemorySegment.ofArray(parts), 0, 0, matrix, 0, matrix.length);
            for (int i = 0; i < matrix.length; i++) {
                all[(expert * inputs + i % inputs) * outputs + i / inputs] = matrix[i];
            }
        }
        byte[] bytes = new byte[all.length * Float.BYTES];
        MemorySegment.copy(
                MemorySegment.ofArray(all), 0, MemorySegment.ofArray(bytes), 0, bytes.length);
        return bytes;
    }

    @Test
    void computesWhatItsCodesMean() throws IOException {
        float[] expected = logits(plain, "of-plain");
        float[] found = logits(packed, "of-packed");
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) found[i]).isEqualTo(expected[i], within(TOLERANCE));
        }
        try (Checkpoint checkpoint = Checkpoint.open(packed)) {
            checkpoint.scan();
        }
    }

    private float[] logits(Path model, String name) throws IOException {
        Path out = temp.resolve(name + ".safetensors");
        ForwardPass.run(
                model, Golden.path("llama").resolve("io.safetensors"), out, MemoryConfig.DEFAULT);
        try (SafetensorsFile file = SafetensorsFile.open(out)) {
            return file.readFloats("logits");
        }
    }

    @Test
    void isTunedBesideWhereverExpertsLie() throws IOException {
        Path data = Runs.data(temp, 31, 10);
        Path memory = run(config(data, "memory", MemoryConfig.DEFAULT));
        long least =
                Runs.smallestBudget(budget ->
                        config(data, "probe" + budget, Runs.host(DeviceName.CPU, budget)));
        Runs.assertSame(
                run(config(data, "streamed", Runs.host(DeviceName.CPU, least))),
                Runs.result(memory),
                "streamed");
        assertThatThrownBy(() -> AdapterMerge.run(packed, memory, temp.resolve("merged"), _ -> {}))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("is packed with all experts in one tensor");
        assertThat(temp.resolve("merged")).doesNotExist();
        Path written = temp.resolve("written");
        WrittenForm form = WrittenForm.AS_STORED;
        assertThatThrownBy(() -> ModelExport.run(packed, form, written, _ -> {}))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("is packed with all experts in one tensor");
        assertThat(written).doesNotExist();
    }

    private TuneConfigBuilder config(Path data, String out, MemoryConfig memory) {
        return Runs.config(packed, data, temp.resolve(out))
                .tune("lora")
                .lr(1e-2)
                .memory(memory)
                .steps(3);
    }

    private static Path run(TuneConfigBuilder config) {
        return TuningRun.run(config.build(), RunListener.SILENT).out();
    }
}
