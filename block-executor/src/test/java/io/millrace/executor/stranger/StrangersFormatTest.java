package io.millrace.executor.stranger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.Golden;
import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.plan.ModelShape;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.TensorFormat;
import io.millrace.memory.TensorFormats;
import io.millrace.memory.TensorSlot;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.Checkpoint;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.optim.journal.JournalReader;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.UnaryOperator;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What somebody else stores weights in, one file and one line of a service: it is laid out,
 * streamed, checked and read as any other, and computes what the float32 that it stands for does.
 */
class StrangersFormatTest {
    private static final String WEIGHTS = "model.safetensors";
    private static final TensorFormat TOY = TensorFormats.find(ToyFormat.NAME).orElseThrow();

    @TempDir Path temp;
    private Path data;

    @BeforeEach
    void write() throws IOException {
        data = Runs.data(temp, 31, 10);
    }

    @ParameterizedTest
    @CsvSource({
        "llama, q_proj down_proj embed_tokens, gaussian",
        "llama, q_proj down_proj embed_tokens, low-rank",
        "gpt2, c_fc wte, gaussian"
    })
    void aStrangersFormatIsReadAsTheFloatsThatItStandsFor(
            String kind, String packed, String direction) throws IOException {
        Path model = model(kind, packed.split(" "));
        Path plain = copy("plain", model, StrangersFormatTest::widened, bytes -> bytes);
        String tune = "!*" + packed.replace(" ", "*,!*") + "*";
        Path memory = tune("memory", model, direction, tune, MemoryConfig.DEFAULT);
        Path oracle = tune("oracle", plain, direction, tune, MemoryConfig.DEFAULT);

        assertThat(JournalReader.read(memory.resolve("journal.jsonl")).records())
                .isEqualTo(JournalReader.read(oracle.resolve("journal.jsonl")).records());
        try (SafetensorsFile base = SafetensorsFile.open(model.resolve(WEIGHTS));
                SafetensorsFile tuned = SafetensorsFile.open(memory.resolve(WEIGHTS));
                SafetensorsFile same = SafetensorsFile.open(oracle.resolve(WEIGHTS))) {
            for (TensorInfo tensor : tuned.tensors().values()) {
                boolean frozen = tensor.format().equals(TOY);
                byte[] expected = bytes(frozen ? base : same, tensor.name());
                assertThat(bytes(tuned, tensor.name())).as(tensor.name()).isEqualTo(expected);
                assertThat(tensor.format()).isEqualTo(base.tensor(tensor.name()).format());
            }
        }
    }

    @Test
    void itStreamsAndReplays() throws IOException {
        Path model = model("llama", "q_proj", "down_proj", "embed_tokens");
        String tune = "!*q_proj*,!*down_proj*,!*embed_tokens*";
        String direction = "gaussian";
        Path memory = tune("memory", model, direction, tune, MemoryConfig.DEFAULT);
        Map<String, byte[]> expected = Runs.result(memory);
        MemoryConfig emulated = Runs.memory(DeviceName.EMULATED, OptionalLong.empty());
        Runs.assertSame(tune("emulated", model, direction, tune, emulated), expected, "emulated");
        long least =
                Runs.smallestBudget(budget ->
                        config(
                                "probe" + budget,
                                model,
                                direction,
                                tune,
                                Runs.host(DeviceName.CPU, budget)));
        MemoryConfig streamed = Runs.host(DeviceName.CPU, least);
        Runs.assertSame(tune("streamed", model, direction, tune, streamed), expected, "streamed");
        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, memory.resolve("journal.jsonl"), rebuilt);
        assertThat(Files.readAllBytes(rebuilt.resolve(WEIGHTS))).isEqualTo(expected.get(WEIGHTS));
    }

    @Test
    void itsBytesAreSummedAndItsValuesChecked() throws IOException {
        Path model = model("llama", "q_proj");
        String name = "model.layers.0.self_attn.q_proj.weight";
        try (Checkpoint checkpoint = Checkpoint.open(model);
                SafetensorsFile file = SafetensorsFile.open(model.resolve(WEIGHTS))) {
            assertThat(checkpoint.layout().find(name).orElseThrow().slot().sizeBytes())
                    .isEqualTo(64 * 64 / 32 * 36);
            checkpoint.scan();
            CRC32C crc = new CRC32C();
            crc.update(bytes(file, name));
            assertThat(checkpoint.checksum(name)).hasValue((int) crc.getValue());
        }
        Path infinite =
                copy(
                        "infinite",
                        model,
                        entry -> entry,
                        bytes -> {
                            if (bytes.length == 64 * 64 / 32 * 36) {
                                bytes[2 * 36 - 1] = 0x7f; // the upper bits of the second scale
                                bytes[2 * 36 - 2] = (byte) 0x80;
                            }
                            return bytes;
                        });
        try (Checkpoint checkpoint = Checkpoint.open(infinite)) {
            assertThatThrownBy(checkpoint::scan)
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("q_proj.weight' has")
                    .hasMessageContaining("at element 3");
        }
    }

    @Test
    void whatCannotBeDoneWithItIsRefused() throws IOException {
        Path model = model("llama", "q_proj");
        assertThatThrownBy(() -> tune("full", model, "gaussian", "full", MemoryConfig.DEFAULT))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("--tune: 'model.layers.0.self_attn.q_proj.weight'")
                .hasMessageContaining("is quantised (TOY_Q8)")
                .hasMessageContaining("--tune lora");
        MemoryConfig card = Runs.memory(DeviceName.cuda(0), OptionalLong.empty());
        assertThatThrownBy(() -> tune("card", model, "gaussian", "!*q_proj*", card))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("no kernel of a cuda device reads TOY_Q8");
        byte[] json =
                "{\"w\":{\"dtype\":\"TOY_Q8\",\"shape\":[3,33],\"data_offsets\":[0,108]}}"
                        .getBytes(StandardCharsets.UTF_8);
        Path odd =
                Files.write(
                        temp.resolve("odd.safetensors"),
                        ByteBuffer.allocate(8 + json.length + 108)
                                .order(ByteOrder.LITTLE_ENDIAN)
                                .putLong(json.length)
                                .put(json)
                                .array());
        assertThatThrownBy(() -> SafetensorsFile.open(odd))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("[3, 33]: rows of 33 elements, and a unit has 32");
    }

    @Test
    void aPlanAndAnotherDtypeLeaveItAsItIs() throws IOException {
        Path model = model("llama", "q_proj");
        ModelShape shape = ModelShape.ofFolder(model, Optional.of(DType.F32));
        assertThat(shape.dtype()).isEqualTo(DType.F32);
        assertThat(
                        shape.layout().blocks().stream()
                                .flatMap(block -> block.tensors().stream())
                                .filter(slot -> slot.format().equals(TOY))
                                .map(TensorSlot::isTrained))
                .hasSize(2)
                .containsOnly(false);
    }

    private Path tune(String name, Path model, String direction, String tune, MemoryConfig memory) {
        return TuningRun.run(
                        config(name, model, direction, tune, memory).build(), RunListener.SILENT)
                .out();
    }

    private TuneConfigBuilder config(
            String name, Path model, String direction, String tune, MemoryConfig memory) {
        return Runs.config(model, data, temp.resolve(name))
                .perturbation(direction)
                .rank(3)
                .window(2)
                .tune(tune)
                .memory(memory);
    }

    /** A model of two layers, tensors of some names packed. */
    private Path model(String kind, String... packed) throws IOException {
        Map<String, Object> fields =
                new LinkedHashMap<>(Golden.json(kind + "/config.json").fields());
        fields.put(kind.equals("gpt2") ? "n_layer" : "num_hidden_layers", 2L);
        fields.put(kind.equals("gpt2") ? "n_inner" : "intermediate_size", 1024L);
        Path written = temp.resolve(kind);
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(fields)),
                DType.F32,
                7,
                written,
                bytes -> {});
        return copy(
                "packed-" + kind,
                written,
                entry -> {
                    for (String part : packed) {
                        if (entry.name().contains(part) && entry.shape().size() == 2) {
                            return new SafetensorsWriter.Entry(entry.name(), TOY, entry.shape());
                        }
                    }
                    return entry;
                },
                bytes -> bytes);
    }

    private static SafetensorsWriter.Entry widened(SafetensorsWriter.Entry entry) {
        boolean packed = entry.format().equals(TOY);
        return packed ? new SafetensorsWriter.Entry(entry.name(), DType.F32, entry.shape()) : entry;
    }

    /** Another folder of the same weights, some in other formats. */
    private Path copy(
            String name,
            Path from,
            UnaryOperator<SafetensorsWriter.Entry> formats,
            UnaryOperator<byte[]> bytes)
            throws IOException {
        Path to = Files.createDirectory(temp.resolve(name));
        Files.copy(from.resolve("config.json"), to.resolve("config.json"));
        try (SafetensorsFile file = SafetensorsFile.open(from.resolve(WEIGHTS))) {
            List<SafetensorsWriter.Entry> entries = new ArrayList<>();
            for (TensorInfo tensor : file.tensors().values()) {
                entries.add(
                        formats.apply(
                                new SafetensorsWriter.Entry(
                                        tensor.name(), tensor.format(), tensor.shape())));
            }
            try (SafetensorsWriter writer =
                    SafetensorsWriter.create(
                            to.resolve(WEIGHTS), SafetensorsWriter.PT_METADATA, entries)) {
                for (SafetensorsWriter.Entry entry : entries) {
                    byte[] stored = converted(file, file.tensor(entry.name()), entry.format());
                    writer.write(entry.name(), MemorySegment.ofArray(bytes.apply(stored)));
                }
                writer.commit();
            }
        }
        return to;
    }

    private static byte[] converted(SafetensorsFile file, TensorInfo tensor, TensorFormat format) {
        if (tensor.format().equals(format)) {
            return bytes(file, tensor.name());
        }
        float[] values = file.readFloats(tensor.name());
        if (format.equals(TOY)) {
            return ToyFormat.store(values);
        }
        byte[] stored = new byte[values.length * Float.BYTES];
        MemorySegment.copy(
                MemorySegment.ofArray(values), 0, MemorySegment.ofArray(stored), 0, stored.length);
        return stored;
    }

    private static byte[] bytes(SafetensorsFile file, String name) {
        TensorInfo tensor = file.tensor(name);
        byte[] stored = new byte[(int) tensor.sizeBytes()];
        file.read(tensor, MemorySegment.ofArray(stored));
        return stored;
    }
}
