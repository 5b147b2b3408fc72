package io.millrace.model.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.Checkpoint;
import io.millrace.model.TestModels;
import io.millrace.model.architecture.known.NamedArchitectures;
import io.millrace.model.file.Elements;
import io.millrace.model.program.ModelProgram;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class QuantizedModelTest {
    private static final Path BASE = TestModels.SHARDED;

    @TempDir Path folder;

    @ParameterizedTest
    @CsvSource({"int8, 4, gptq", "nf4, 64, bitsandbytes", "fp8, 32, fp8"})
    void whatIsWrittenReadsBackAsReported(String name, int group, String method)
            throws IOException {
        Path out = folder.resolve("out");
        QuantForm form = QuantForms.find(name).orElseThrow();
        List<TensorError> errors = quantise(BASE, form, group, out);

        Map<String, byte[]> before = tensors(BASE);
        Map<String, byte[]> after = tensors(out);
        JsonObject config = json(out.resolve("config.json"));
        assertThat(config.object("quantization_config").string("quant_method")).isEqualTo(method);
        assertThat(Files.mismatch(BASE.resolve("tokenizer.json"), out.resolve("tokenizer.json")))
                .isEqualTo(-1);
        assertThat(names(out, ".safetensors")).isEqualTo(names(BASE, ".safetensors"));
        assertThat(json(out.resolve("model.safetensors.index.json")).object("weight_map").fields())
                .containsOnlyKeys(after.keySet());

        try (Checkpoint base = Checkpoint.open(BASE)) {
            for (TensorError error : errors) {
                float[] values = values(base, error.tensor());
                float[] read = read(name, group, error, after);
                double lost = 0;
                double whole = 0;
                double worst = 0;
                for (int at = 0; at < values.length; at++) {
                    double difference = (double) values[at] - read[at];
                    lost += difference * difference;
                    whole += (double) values[at] * values[at];
                    worst = Math.max(worst, Math.abs(difference));
                }
                assertThat(error.relativeRms())
                        .isCloseTo(Math.sqrt(lost / whole), within(1e-6))
                        .isLessThan(0.12);
                assertThat(error.worst()).isCloseTo(worst, within(1e-6));
                before.remove(error.tensor());
            }
        }
        assertThat(errors).hasSize(35);
        before.forEach((tensor, bytes) -> assertThat(after.get(tensor)).isEqualTo(bytes));
        // Nothing is left of the matrices but what stands for them.
        assertThat(after.size() - before.size()).isEqualTo(35 * (name.equals("fp8") ? 2 : 4));
    }

    @Test
    void refusalsNameTheOptionAndLeaveNothing() {
        Path out = folder.resolve("out");
        assertThatThrownBy(() -> quantise(BASE, new GptqForm(8), 24, out))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--group-size")
                .hasMessageContaining("24 does not divide the 64 inputs of model.layers.0");
        assertThatThrownBy(() -> quantise(BASE, new GptqForm(4), 4, out))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--format: int4 packs 8 elements a word");
        assertThatThrownBy(() -> quantise(BASE, new NormalFloatForm(), 32, out))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("32 is no block size of bitsandbytes");
        assertThat(out).doesNotExist();
    }

    /** They would be written, and read by nobody here. */
    @ParameterizedTest
    @CsvSource({"gpt2, h.0.attn.c_attn.weight", "gpt-oss-20b, experts.gate_up_proj[0]"})
    void familiesThatStoreMatricesInputMajorAreRefusedBeforehand(String arch, String tensor) {
        ModelProgram program =
                NamedArchitectures.program(NamedArchitectures.find(arch).orElseThrow());
        assertThatThrownBy(() -> QuantMatrix.of(program))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(tensor + "' is stored input-major");
    }

    @Test
    void aWeightThatIsNoNumberLeavesNoModel() throws IOException {
        Path model = copy(BASE, folder.resolve("model"));
        String tensor = "model.layers.2.mlp.up_proj.weight";
        try (Checkpoint base = Checkpoint.open(model);
                RandomAccessFile file =
                        new RandomAccessFile(base.tensors().get(tensor).file().toFile(), "rw")) {
            file.seek(base.tensors().get(tensor).offsetBytes() + 2 * 5);
            file.write(new byte[] {(byte) 0xC0, 0x7F});
        }
        Path out = folder.resolve("out");
        assertThatThrownBy(() -> quantise(model, new BlockFloat8Form(), 32, out))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("'" + tensor + "' has NaN at element 5");
        assertThat(names(out, "")).isEmpty();
    }

    private static List<TensorError> quantise(Path model, QuantForm form, int group, Path out) {
        try (Checkpoint base = Checkpoint.open(model);
                QuantizedModel made = QuantizedModel.create(base, form, group, out, _ -> {})) {
            List<TensorError> errors = new ArrayList<>();
            made.matrices()
                    .values()
                    .forEach(matrix -> errors.add(made.quantise(matrix, Optional.empty())));
            made.commit();
            return errors;
        }
    }

    /** What the published descriptions say the tensors stand for. */
    private static float[] read(
            String form, int group, TensorError error, Map<String, byte[]> stored) {
        String tensor = error.tensor();
        String module = tensor.replace(".weight", "");
        int inputs = error.inputs();
        float[] values = new float[error.outputs() * inputs];
        for (int at = 0; at < values.length; at++) {
            int row = at / inputs;
            int column = at % inputs;
            values[at] =
                    switch (form) {
                        case "int8" -> {
                            int code =
                                    stored.get(module + ".qweight")[
                                                    (column / 4 * error.outputs() + row) * 4
                                                            + column % 4]
                                            & 0xFF;
                            int own = group(stored.get(module + ".g_idx"), column);
                            int zero =
                                    stored.get(module + ".qzeros")[own * error.outputs() + row]
                                            & 0xFF;
                            MemorySegment scales =
                                    MemorySegment.ofArray(stored.get(module + ".scales"));
                            float scale =
                                    Elements.get(
                                            scales, DType.F16, (long) own * error.outputs() + row);
                            yield scale * (code - (zero + 1));
                        }
                        case "nf4" -> {
                            int pair = stored.get(tensor)[at / 2] & 0xFF;
                            int code = at % 2 == 0 ? pair >> 4 : pair & 15;
                            yield number(stored.get(tensor + ".quant_map"), code)
                                    * number(stored.get(tensor + ".absmax"), at / group);
                        }
                        default ->
                                Float8CodeBook.decode(stored.get(tensor)[at] & 0xFF)
                                        * number(
                                                stored.get(module + ".weight_scale_inv"),
                                                row / group * Math.ceilDiv(inputs, group)
                                                        + column / group);
                    };
        }
        return values;
    }

    private static int group(byte[] order, int column) {
        return MemorySegment.ofArray(order).get(Elements.INT, 4L * column);
    }

    private static float number(byte[] floats, long at) {
        return Elements.get(MemorySegment.ofArray(floats), DType.F32, at);
    }

    private static float[] values(Checkpoint base, String tensor) {
        TensorSlot slot = base.layout(DType.F32).find(tensor).orElseThrow().slot();
        float[] values = new float[(int) slot.elementCount()];
        byte[] bytes = new byte[values.length * Float.BYTES];
        java.lang.foreign.Arena arena = java.lang.foreign.Arena.ofAuto();
        MemorySegment native_ = arena.allocate(bytes.length, 64);
        base.readTensor(slot, 0, native_);
        slot.format().load(native_, 0, 0, values, 0, values.length);
        return values;
    }

    /** The bytes of every tensor of a folder, by reading headers and nothing else. */
    private static Map<String, byte[]> tensors(Path model) throws IOException {
        Map<String, byte[]> tensors = new TreeMap<>();
        for (String name : names(model, ".safetensors")) {
            byte[] file = Files.readAllBytes(model.resolve(name));
            int header = (int) MemorySegment.ofArray(file).get(Elements.LONG, 0);
            JsonObject fields =
                    Json.parseObject(new String(file, 8, header, StandardCharsets.UTF_8));
            for (String tensor : fields.fields().keySet()) {
                if (!tensor.equals("__metadata__")) {
                    List<?> at = fields.object(tensor).array("data_offsets");
                    int from = 8 + header + ((Number) at.getFirst()).intValue();
                    int to = 8 + header + ((Number) at.getLast()).intValue();
                    tensors.put(tensor, java.util.Arrays.copyOfRange(file, from, to));
                }
            }
        }
        return tensors;
    }

    private static List<String> names(Path model, String end) {
        if (!Files.exists(model)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(model)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(end))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static JsonObject json(Path file) throws IOException {
        return Json.parseObject(Files.readString(file));
    }

    private static Path copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        try (Stream<Path> files = Files.list(from)) {
            for (Path file : files.toList()) {
                Files.copy(
                        file,
                        to.resolve(file.getFileName().toString()),
                        StandardCopyOption.REPLACE_EXISTING);
            }
        }
        return to;
    }
}
