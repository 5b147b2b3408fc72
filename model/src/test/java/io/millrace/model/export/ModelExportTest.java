package io.millrace.model.export;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.model.Checkpoint;
import io.millrace.model.WrittenForm;
import io.millrace.model.file.TensorInfo;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelExportTest {
    private static final Path SAMPLE = Path.of("../samples/tiny-lm");

    @TempDir private Path temp;

    private static byte[] bytes(Checkpoint model, String tensor) {
        TensorInfo info = model.tensors().get(tensor);
        byte[] bytes = new byte[(int) info.sizeBytes()];
        model.weights().read(info, 0, MemorySegment.ofArray(bytes));
        return bytes;
    }

    private static List<String> weightFiles(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".safetensors"))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void filesOfASizeHaveAnIndexAndTheSameTensors() throws IOException {
        Path out = temp.resolve("cut");
        ModelExport.run(
                SAMPLE, new WrittenForm(Optional.empty(), OptionalLong.of(1 << 20)), out, _ -> {});
        List<String> files = weightFiles(out);
        assertThat(files)
                .hasSizeGreaterThan(2)
                .first()
                .isEqualTo("model-00001-of-0000" + files.size() + ".safetensors");
        for (String file : files) {
            assertThat(out.resolve(file).toFile().length()).isLessThan((1 << 20) + (16 << 10));
        }
        JsonObject index = Json.readObject(out.resolve("model.safetensors.index.json"), 1 << 20);
        try (Checkpoint before = Checkpoint.open(SAMPLE);
                Checkpoint after = Checkpoint.open(out)) {
            assertThat(index.object("weight_map").fields().keySet())
                    .isEqualTo(before.tensors().keySet());
            assertThat(index.object("metadata").integer("total_size"))
                    .isEqualTo(
                            before.tensors().values().stream()
                                    .mapToLong(TensorInfo::sizeBytes)
                                    .sum());
            for (String tensor : before.tensors().keySet()) {
                assertThat(bytes(after, tensor)).as(tensor).isEqualTo(bytes(before, tensor));
            }
        }
        Path one = temp.resolve("one");
        ModelExport.run(
                out, new WrittenForm(Optional.empty(), OptionalLong.of(5L << 30)), one, _ -> {});
        assertThat(weightFiles(one)).containsExactly("model.safetensors");
        assertThat(one.resolve("model.safetensors.index.json")).doesNotExist();
    }

    @Test
    void aWiderDtypeAndBackIsTheSameModel() {
        Path wide = temp.resolve("wide");
        Path back = temp.resolve("back");
        ModelExport.run(
                SAMPLE,
                new WrittenForm(Optional.of(DType.F32), OptionalLong.empty()),
                wide,
                _ -> {});
        ModelExport.run(
                wide,
                new WrittenForm(Optional.of(DType.BF16), OptionalLong.empty()),
                back,
                _ -> {});
        try (Checkpoint float32 = Checkpoint.open(wide)) {
            assertThat(float32.config().dtype()).contains(DType.F32);
            assertThat(float32.tensors().values()).allMatch(tensor -> tensor.format() == DType.F32);
        }
        assertThat(back.resolve("model.safetensors"))
                .hasSameBinaryContentAs(SAMPLE.resolve("model.safetensors"));
    }
}
