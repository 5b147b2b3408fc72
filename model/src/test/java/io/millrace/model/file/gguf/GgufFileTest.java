package io.millrace.model.file.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.UnitFormat;
import io.millrace.model.Checkpoint;
import io.millrace.model.file.GgufFile;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonFormatException;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files and values of ggml's own library, which wrote both. */
class GgufFileTest {
    private static final Path GOLDEN = Path.of("src/test/resources/gguf");

    @TempDir Path temp;

    @ParameterizedTest
    @EnumSource(GgufFormat.class)
    void everyRangeOfUnitsHasTheBitsOfTheReference(GgufFormat format) {
        try (SafetensorsFile file = SafetensorsFile.open(GOLDEN.resolve("units.safetensors"));
                Arena arena = Arena.ofConfined()) {
            float[] expected = file.readFloats(format.name() + ".values");
            TensorInfo stored = file.tensor(format.name() + ".bytes");
            MemorySegment bytes = arena.allocate(3 + stored.sizeBytes());
            file.read(stored, bytes.asSlice(3));
            Random random = new Random(7);
            for (int i = 0; i < 200; i++) {
                int first = i == 0 ? 0 : random.nextInt(expected.length);
                int count = i == 0 ? expected.length : 1 + random.nextInt(expected.length - first);
                float[] values = new float[count + 2];
                format.load(bytes, 3, first, values, 2, count);
                assertThat(bits(Arrays.copyOfRange(values, 2, count + 2)))
                        .isEqualTo(bits(Arrays.copyOfRange(expected, first, first + count)));
            }
        }
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }

    @Test
    void tensorsHaveTheNamesAndTheOrderOfHuggingFace() throws IOException, JsonFormatException {
        JsonObject expected = Json.parseObject(Files.readString(GOLDEN.resolve("tiny.json")));
        try (GgufFile file = GgufFile.open(GOLDEN.resolve("tiny.gguf"))) {
            assertThat(file.tensors().keySet()).isEqualTo(expected.fields().keySet());
            for (TensorInfo tensor : file.tensors().values()) {
                List<?> wanted = (List<?>) expected.raw(tensor.name());
                assertThat(tensor.shape()).isEqualTo(wanted.get(0));
                byte[] stored = new byte[(int) tensor.sizeBytes()];
                file.read(tensor, 0, MemorySegment.ofArray(stored));
                float[] values = new float[(int) tensor.elementCount()];
                tensor.format().load(MemorySegment.ofArray(stored), 0, 0, values, 0, values.length);
                ByteBuffer floats =
                        ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
                floats.asFloatBuffer().put(values);
                CRC32 crc = new CRC32();
                crc.update(floats);
                assertThat(crc.getValue()).as(tensor.name()).isEqualTo(wanted.get(1));
            }
        }
    }

    @Test
    void aFolderOfOneFileIsAModel() throws IOException {
        Files.copy(GOLDEN.resolve("tiny.gguf"), temp.resolve("model-q4.gguf"));
        try (Checkpoint checkpoint = Checkpoint.open(temp)) {
            assertThat(checkpoint.config().modelType()).isEqualTo("llama");
            assertThat(checkpoint.program().layers()).hasSize(2);
            assertThat(checkpoint.program().isTied()).isTrue();
            assertThat(checkpoint.ignoredTensors()).isEmpty();
            checkpoint.scan();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 100, 2000, -1})
    void aFileThatIsCutShortIsRefused(int bytes) throws IOException {
        byte[] whole = Files.readAllBytes(GOLDEN.resolve("tiny.gguf"));
        Path cut =
                Files.write(
                        temp.resolve("cut.gguf"),
                        Arrays.copyOf(whole, bytes < 0 ? whole.length + bytes : bytes));
        assertThatThrownBy(() -> GgufFile.open(cut).close())
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("cut.gguf")
                .hasMessageContaining("download");
    }

    @Test
    void anUnknownTypeIsNamed() throws IOException {
        byte[] whole = Files.readAllBytes(GOLDEN.resolve("tiny.gguf"));
        byte[] name = "token_embd.weight".getBytes(StandardCharsets.UTF_8);
        int at = 0;
        while (!Arrays.equals(Arrays.copyOfRange(whole, at, at + name.length), name)) {
            at++;
        }
        whole[at + name.length + 4 + 16] = 21; // its type, behind two extents
        Path odd = Files.write(temp.resolve("odd.gguf"), whole);
        assertThatThrownBy(() -> GgufFile.open(odd).close())
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(
                        "tensor 'token_embd.weight' is of type 21, which is not read");
    }

    @Test
    void oneOfSeveralFilesIsNotGuessed() throws IOException {
        Files.copy(GOLDEN.resolve("tiny.gguf"), temp.resolve("a.gguf"));
        Files.copy(GOLDEN.resolve("tiny.gguf"), temp.resolve("b.gguf"));
        assertThatThrownBy(() -> Checkpoint.open(temp).close())
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("several GGUF files, such as a.gguf and b.gguf");
    }

    /** The types are the library's: a unit is what it says that it is. */
    @Test
    void unitsHaveTheSizesOfTheReference() {
        try (SafetensorsFile file = SafetensorsFile.open(GOLDEN.resolve("units.safetensors"))) {
            for (UnitFormat format : GgufFormat.values()) {
                assertThat(format.bytes(file.tensor(format.name() + ".values").shape()))
                        .isEqualTo(file.tensor(format.name() + ".bytes").sizeBytes());
            }
        }
    }
}
