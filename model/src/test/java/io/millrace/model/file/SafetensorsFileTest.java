package io.millrace.model.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.TestModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsFileTest {
    private static final String HUGE = "4611686018427387904";

    @TempDir Path folder;

    @Test
    void findsTensorsWhereTheyAre() throws IOException {
        try (SafetensorsFile file =
                SafetensorsFile.open(TestModels.GPT2.resolve("model.safetensors"))) {
            assertThat(file.tensors()).hasSize(43);
            assertThat(file.metadata()).containsExactly(Map.entry("format", "pt"));
            TensorInfo tensor = file.tensor("h.0.attn.c_attn.weight");
            assertThat(tensor.shape()).containsExactly(64L, 192L);
            assertThat(tensor.dtype()).isEqualTo(DType.F32);
            assertThat(tensor.sizeBytes()).isEqualTo(64 * 192 * 4);
            assertThat(tensor.elementCount()).isEqualTo(64 * 192);
            float[] values = file.readFloats(tensor.name());
            ByteBuffer bytes =
                    ByteBuffer.wrap(Files.readAllBytes(file.path())).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < values.length; i++) {
                assertThat(values[i]).isEqualTo(bytes.getFloat((int) tensor.offsetBytes() + 4 * i));
            }
        }
    }

    @Test
    void readsPartsIntoNativeMemory() {
        try (SafetensorsFile file =
                        SafetensorsFile.open(TestModels.GPT2.resolve("model.safetensors"));
                Arena arena = Arena.ofConfined()) {
            float[] whole = file.readFloats("wte.weight");
            MemorySegment part = arena.allocate(400);
            file.read(file.tensor("wte.weight"), 4000, part);
            for (int i = 0; i < 100; i++) {
                assertThat(part.get(ValueLayout.JAVA_FLOAT, 4L * i)).isEqualTo(whole[1000 + i]);
            }
            assertThatThrownBy(() -> file.read(file.tensor("ln_f.bias"), 0, part))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void readsIntegersOfEveryWidth() {
        Path path = folder.resolve("io.safetensors");
        MemorySegment longs = MemorySegment.ofArray(new long[] {1, -100, 1L << 40});
        MemorySegment ints = MemorySegment.ofArray(new int[] {7, -100});
        MemorySegment bytes = MemorySegment.ofArray(new byte[] {0, (byte) 255});
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(
                        path,
                        Map.of(),
                        List.of(
                                new SafetensorsWriter.Entry("a", DType.I64, List.of(3L)),
                                new SafetensorsWriter.Entry("b", DType.I32, List.of(1L, 2L)),
                                new SafetensorsWriter.Entry("c", DType.U8, List.of(2L)),
                                new SafetensorsWriter.Entry("d", DType.F32, List.of())))) {
            writer.write("a", longs);
            writer.write("b", ints);
            writer.write("c", bytes);
            writer.write("d", new float[] {2.5f});
            writer.commit();
        }
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.readLongs("a")).containsExactly(1, -100, 1L << 40);
            assertThat(file.readLongs("b")).containsExactly(7, -100);
            assertThat(file.readLongs("c")).containsExactly(0, 255);
            assertThat(file.readFloats("d")).containsExactly(2.5f);
            assertThatThrownBy(() -> file.readLongs("d"))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("'d' is of F32");
            assertThatThrownBy(() -> file.readFloats("a"))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("'a' is of I64");
            assertThatThrownBy(() -> file.tensor("e"))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("no tensor 'e'");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "[1];                                                   8; does not begin with",
                "{\"a\":;                                               8; is not valid",
                "{} {};                                                 0; is not valid",
                "{};                                                    8; 8 bytes after the last",
                "{\"a\":3};                                             8; 'a' is not described",
                "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}};        8; 'dtype' is missing",
                "{\"a\":{\"dtype\":\"F8\",\"shape\":[2],\"data_offsets\":[0,8]}}; 8; unknown dtype 'F8'",
                "{\"a\":{\"dtype\":\"float32\",\"shape\":[2],\"data_offsets\":[0,8]}}; 8; unknown dtype",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}};  8; 'shape' is not an array",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}};  8; shape with -2",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}; 8; shape with 2.0",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,8]}};8; natural",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[HUGE,HUGE],\"data_offsets\":[0,8]}};8; overflows",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[HUGE,HUGE,0],\"data_offsets\":[0,0]}};0; overflows",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}};  8; needs 12",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}};  4; cut short",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}};  8; behind its end",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}};    8; not a pair",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}; 8; data_offsets with -8",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}};  9; 1 bytes after the last",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}};  8; hole of 4",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},"
                        + "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}; 8; 'b' overlaps",
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},"
                        + "\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}; 8; uplicate",
                "{\"__metadata__\":3};                                  0; '__metadata__' is not an object",
                "{\"__metadata__\":{\"format\":3}};                     0; value that is not a string",
            })
    void refusesHeaderThatLies(String header, int dataBytes, String message) throws IOException {
        Path path = write(header.replace("HUGE", HUGE), dataBytes);
        assertThatThrownBy(() -> SafetensorsFile.open(path))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith(path.toString())
                .hasMessageContaining(message);
    }

    @Test
    void refusesLengthThatLies() throws IOException {
        Path path = folder.resolve("x.safetensors");
        Files.write(path, new byte[7]);
        assertRefused(path, "has 7 bytes");
        Files.write(path, length(-1));
        assertRefused(path, "claims 18446744073709551615 bytes");
        Files.write(path, length(100_000_001));
        assertRefused(path, "the format allows 100000000");
        Files.write(path, length(9));
        assertRefused(path, "claims 9 bytes but the file has 8");
        Files.delete(path);
        assertRefused(path, "no such file");
        assertRefused(folder, "no such file");
    }

    @Test
    void refusesHeaderThatIsNotUtf8() throws IOException {
        Path path = write("{\"a\":\"x\"}", 0);
        byte[] bytes = Files.readAllBytes(path);
        bytes[8 + 6] = (byte) 0xFF;
        Files.write(path, bytes);
        assertRefused(path, "not UTF-8");
    }

    @Test
    void acceptsEmptyTensorsAndAnyOrder() throws IOException {
        Path path =
                write(
                        "{\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]},"
                                + "\"none\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[4,4]},"
                                + "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}   ",
                        8);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.tensors().keySet()).containsExactly("b", "none", "a");
            assertThat(file.tensor("none").sizeBytes()).isZero();
        }
    }

    @Test
    void answersRandomDamageOnlyWithBadInput() throws IOException {
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        byte[] original = Files.readAllBytes(TestModels.GPT2.resolve("model.safetensors"));
        int headerBytes =
                8 + (int) ByteBuffer.wrap(original).order(ByteOrder.LITTLE_ENDIAN).getLong();
        int refused = 0;
        for (int round = 0; round < 400; round++) {
            byte[] damaged = original.clone();
            int flips = 1 + random.nextInt(4);
            for (int flip = 0; flip < flips; flip++) {
                int at = random.nextInt(round % 8 == 0 ? 8 : headerBytes);
                damaged[at] =
                        round % 2 == 0
                                ? (byte) (damaged[at] ^ (1 << random.nextInt(8)))
                                : (byte) "{}[]\",:0123456789-eE.\\n\0".charAt(random.nextInt(23));
            }
            Path path = folder.resolve("damaged.safetensors");
            Files.write(path, damaged);
            try (SafetensorsFile file = SafetensorsFile.open(path)) {
                // Some flips only change a name or the metadata.
                assertThat(file.tensors()).as("seed %d round %d", seed, round).isNotEmpty();
            } catch (BadInputException e) {
                refused++;
            } catch (RuntimeException | Error e) {
                throw new AssertionError("seed " + seed + " round " + round, e);
            }
        }
        assertThat(refused).as("seed %d", seed).isGreaterThan(200);
    }

    @Test
    void answersTruncationAnywhereWithBadInput() throws IOException {
        byte[] original = Files.readAllBytes(TestModels.GPT2.resolve("model.safetensors"));
        Path path = folder.resolve("short.safetensors");
        for (int length = 0; length < original.length; length += 1 + length / 6) {
            Files.write(path, Arrays.copyOf(original, length));
            assertThatThrownBy(() -> SafetensorsFile.open(path))
                    .isInstanceOf(BadInputException.class);
        }
    }

    @Test
    void refusesHeaderOfMoreThanAnyModelHas() throws IOException {
        StringBuilder many = new StringBuilder("{");
        for (int i = 0; i <= SafetensorsHeader.MAX_TENSORS; i++) {
            many.append("\"t").append(i).append("\":");
            many.append("{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},");
        }
        assertRefused(write(ended(many), 0), "more than 250000 tensors");
        String metadata = "\"__metadata__\":{\"a\":\"" + "x".repeat(5 << 20) + "\",\"b\":\"";
        assertRefused(
                write("{" + metadata + "y".repeat(5 << 20) + "\"}}", 0),
                "more than 8388608 characters of metadata");
        assertRefused(
                write("{\"__metadata__\":{\"a\":\"" + "x".repeat(9 << 20) + "\"}}", 0),
                "exceeds the maximum allowed (8388608)");
        assertRefused(
                write("{\"" + "n".repeat(251) + "\":{}}", 0), "with more than 250 characters");
        assertRefused(
                write("{\"" + "n".repeat(60_000) + "\":{}}", 0),
                "exceeds the maximum allowed (50000)");
        assertRefused(
                write(
                        "{\"a\":{\"dtype\":\"U8\",\"shape\":["
                                + "1,".repeat(64)
                                + "1],\"data_offsets\":[0,1]}}",
                        1),
                "shape with more than 64 numbers");
    }

    @Test
    void passesOverWhatNobodyKnows() throws IOException {
        String unknown = "\"of\":[{\"a\":[1,{}]}],\"on\":\"x\"";
        Path path =
                write(
                        "{\"a\":{"
                                + unknown
                                + ",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
                        1);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.tensors()).containsOnlyKeys("a");
        }
        assertRefused(
                write("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}", 0),
                "'dtype' stands there twice");
    }

    private static String ended(StringBuilder header) {
        return header.deleteCharAt(header.length() - 1).append('}').toString();
    }

    private void assertRefused(Path path, String message) {
        assertThatThrownBy(() -> SafetensorsFile.open(path))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(message);
    }

    private Path write(String header, int dataBytes) throws IOException {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer file =
                ByteBuffer.allocate(8 + text.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(text.length).put(text);
        Path path = folder.resolve("x.safetensors");
        Files.write(path, file.array());
        return path;
    }

    private static byte[] length(long value) {
        return ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
    }
}
