package io.millrace.model.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.model.TestModels;
import io.millrace.model.file.pickle.PickleBytes;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The files of {@code torch/} are those that PyTorch 2.13 saved. */
class TorchFileTest {
    private static final byte[] FOUR_FLOATS = new byte[16];

    @TempDir Path folder;

    @Test
    void readsWhatPyTorchSaved() {
        try (TorchFile file = TorchFile.open(golden("views"))) {
            assertThat(file.tensors().keySet())
                    .containsExactly(
                            "f32",
                            "bf16",
                            "f16",
                            "i64",
                            "flag",
                            "scalar",
                            "empty",
                            "view",
                            "whole",
                            "tied",
                            "parameter",
                            "row");
            assertTensor(file, "f32", DType.F32, List.of(2L, 3L), 0);
            assertTensor(file, "bf16", DType.BF16, List.of(2L, 2L, 2L), 0);
            assertTensor(file, "f16", DType.F16, List.of(5L), 0);
            assertTensor(file, "view", DType.F32, List.of(2L, 4L), 8);
            assertTensor(file, "whole", DType.F32, List.of(6L, 4L), 0);
            assertTensor(file, "tied", DType.F32, List.of(2L, 3L), 0);
            assertTensor(file, "parameter", DType.F32, List.of(4L, 1L), 0);
            assertTensor(file, "row", DType.F32, List.of(1L, 4L), 0);
            assertThat(file.tensors().get("i64").dtype()).isEqualTo(DType.I64);
            assertThat(file.tensors().get("flag").dtype()).isEqualTo(DType.BOOL);
            assertThat(file.tensors().get("scalar").shape()).isEmpty();
            assertThat(file.tensors().get("empty").sizeBytes()).isZero();
            long whole = file.tensors().get("whole").offsetBytes();
            assertThat(whole % 64).isZero();
            assertThat(file.tensors().get("view").offsetBytes()).isEqualTo(whole + 32);
            assertThat(file.tensors().get("tied").offsetBytes())
                    .isEqualTo(file.tensors().get("f32").offsetBytes());
        }
        try (TorchFile file = TorchFile.open(golden("linear"))) {
            assertThat(file.tensors().keySet()).containsExactly("weight", "bias");
        }
    }

    /** Element i of each golden storage is i / 2 - 3. */
    private static void assertTensor(
            TorchFile file, String name, DType dtype, List<Long> shape, int first) {
        TensorInfo tensor = file.tensors().get(name);
        assertThat(tensor.dtype()).isEqualTo(dtype);
        assertThat(tensor.shape()).isEqualTo(shape);
        byte[] bytes = new byte[(int) tensor.sizeBytes()];
        file.read(tensor, 0, MemorySegment.ofArray(bytes));
        float[] values = new float[(int) tensor.elementCount()];
        dtype.load(MemorySegment.ofArray(bytes), 0, 0, values, 0, values.length);
        for (int i = 0; i < values.length; i++) {
            assertThat(values[i]).isEqualTo((first + i) / 2f - 3);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            textBlock =
                    """
                    legacy     | is of the form that torch.save wrote before PyTorch 1.6; load it in PyTorch
                    transposed | 'w' of shape [3, 2] is stored with the strides [1, 3], and not row by row
                    checkpoint | holds more than tensors by name, such as the entry 'model': a training
                    module     | asks for torch.nn.modules.linear.Linear, which is neither looked up nor run
                    float8     | asks for torch._utils._rebuild_tensor_v3
                    sparse     | asks for torch._utils._rebuild_sparse_tensor
                    protocol4  | is of protocol 4 where torch.save writes 2
                    numpy      | asks for numpy
                    evil       | asks for posix.system, which is neither looked up nor run
                    script     | is a TorchScript archive, a program and not weights
                    complex    | asks for torch.ComplexFloatStorage
                    negative   | has a tensor that is a conjugate or negative view
                    list       | holds no state dict
                    """)
    void refusesByNameWhatIsNoStateDict(String name, String said) {
        assertRefused(golden(name), said);
    }

    @Test
    void offsetsMayLieBeyondFourGigabytes() throws IOException {
        Path file = folder.resolve("large.bin");
        long bytes = (4L << 30) + 64;
        byte[] pickle =
                PickleBytes.dict()
                        .tensor("a", "ByteStorage", "0", bytes, 0, bytes)
                        .tensor("b", "ByteStorage", "1", 4, 1, 3)
                        .endDict();
        new Zip64Archive(file)
                .sparse("archive/data/0", bytes)
                .stored("archive/data/1", new byte[] {1, 2, 3, 4})
                .stored("archive/data.pkl", pickle)
                .end();

        try (TorchFile torch = TorchFile.open(file)) {
            TensorInfo tensor = torch.tensors().get("b");
            assertThat(tensor.offsetBytes()).isGreaterThan(bytes);
            byte[] read = new byte[3];
            torch.read(tensor, 0, MemorySegment.ofArray(read));
            assertThat(read).containsExactly(2, 3, 4);
            assertThat(torch.tensors().get("a").sizeBytes()).isEqualTo(bytes);
        }
    }

    static Stream<Arguments> spoilt() {
        byte[] one = PickleBytes.dict().tensor("w", "FloatStorage", "0", 4, 0, 2, 2).endDict();
        return Stream.of(
                spoilt(
                        "compressed",
                        "is compressed (method 8), and weights are read where they lie; unpack",
                        whole(one).compressed()),
                spoilt(
                        "big-endian",
                        "is big-endian",
                        whole(one).entry("byteorder", "big".getBytes(StandardCharsets.UTF_8))),
                spoilt(
                        "byte order of no kind",
                        "neither little nor big",
                        whole(one).entry("byteorder", new byte[100])),
                spoilt(
                        "no pickle",
                        "is an archive with 0 entries data.pkl",
                        new TorchArchive().storage("0", FOUR_FLOATS)),
                spoilt(
                        "two pickles",
                        "is an archive with 2 entries data.pkl",
                        whole(one).entry("data/data.pkl", one)),
                spoilt(
                        "no storage",
                        "'w' is in the storage '0', which the archive does not have",
                        new TorchArchive().pickle(one)),
                spoilt(
                        "a short storage",
                        "storage '0' has 12 bytes, too few for 4 elements of float32",
                        new TorchArchive().pickle(one).storage("0", new byte[12])),
                spoilt(
                        "a key that leads out",
                        "the storage '../../0', which the archive does not have",
                        whole(
                                PickleBytes.dict()
                                        .tensor("w", "FloatStorage", "../../0", 4, 0, 4)
                                        .endDict())),
                spoilt(
                        "beyond the storage",
                        "'w' ends beyond its storage '0'",
                        whole(
                                PickleBytes.dict()
                                        .tensor("w", "FloatStorage", "0", 4, 1, 2, 2)
                                        .endDict())),
                spoilt(
                        "far beyond the storage",
                        "'w' ends beyond its storage '0'",
                        whole(
                                PickleBytes.dict()
                                        .tensor("w", "FloatStorage", "0", 4, Long.MAX_VALUE, 4)
                                        .endDict())),
                spoilt(
                        "a storage that lies",
                        "too few for 9223372036854775807 elements",
                        whole(
                                PickleBytes.dict()
                                        .tensor("w", "FloatStorage", "0", Long.MAX_VALUE, 0, 4)
                                        .endDict())),
                spoilt(
                        "a shape that overflows",
                        "overflows 63 bits",
                        whole(
                                PickleBytes.dict()
                                        .tensor("w", "FloatStorage", "0", 4, 0, 1L << 40, 1L << 40)
                                        .endDict())),
                spoilt(
                        "one element as many",
                        "is stored with the strides [0]",
                        whole(
                                PickleBytes.dict()
                                        .tensor(
                                                "w",
                                                "FloatStorage",
                                                "0",
                                                4,
                                                0,
                                                new long[] {4},
                                                new long[] {0})
                                        .endDict())),
                spoilt(
                        "a name without end",
                        "names a tensor with more than 250 characters",
                        whole(
                                PickleBytes.dict()
                                        .tensor("w".repeat(251), "FloatStorage", "0", 4, 0, 4)
                                        .endDict())));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("spoilt")
    void refusesWhatDoesNotFitTogether(String name, String said, TorchArchive archive) {
        assertRefused(archive.write(folder.resolve("pytorch_model.bin")), said);
    }

    @Test
    void saysWhatAFileIsThatIsNoArchive() throws IOException {
        Path file = folder.resolve("pytorch_model.bin");
        Files.write(file, new byte[0]);
        assertRefused(file, "is no archive of torch.save: it is empty");
        Files.writeString(file, "<!DOCTYPE html>");
        assertRefused(file, "is no archive of torch.save; download the file again");
        Files.writeString(file, "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
        assertRefused(file, "is only a pointer of git-lfs to the file; fetch what it points to");
        byte[] tar = new byte[1024];
        System.arraycopy("ustar".getBytes(StandardCharsets.UTF_8), 0, tar, 257, 5);
        Files.write(file, tar);
        assertRefused(file, "is of the tar form");
        Files.delete(file);
        assertRefused(file, "there is no such file");
        Files.createSymbolicLink(file, Path.of("blobs", "gone"));
        assertRefused(file, "is a link to blobs/gone, which is not there");
    }

    @Test
    void aFileCutShortAnywhereIsRefused() throws IOException {
        byte[] sound = Files.readAllBytes(golden("views"));
        Path file = folder.resolve("pytorch_model.bin");
        for (int length = 4; length < sound.length; length += 7) {
            Files.write(file, Arrays.copyOf(sound, length));
            assertRefused(file, "is an archive without its directory: the file is cut short");
        }
    }

    @Test
    void noDamageDoesMoreThanBeRefused() throws IOException {
        long seed = Long.getLong("test.seed", System.nanoTime());
        Random random = new Random(seed);
        byte[] sound = Files.readAllBytes(golden("views"));
        Path file = folder.resolve("pytorch_model.bin");
        for (int round = 0; round < 2_000; round++) {
            byte[] changed = sound.clone();
            for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                changed[random.nextInt(changed.length)] = (byte) random.nextInt(256);
            }
            Files.write(file, changed);
            try (TorchFile torch = TorchFile.open(file)) {
                for (TensorInfo tensor : torch.tensors().values()) {
                    byte[] bytes = new byte[(int) tensor.sizeBytes()];
                    torch.read(tensor, 0, MemorySegment.ofArray(bytes));
                }
            } catch (BadInputException refused) {
                assertThat(refused.getMessage()).contains(file.toString());
            } catch (RuntimeException e) {
                throw new AssertionError("seed " + seed + ", round " + round, e);
            }
        }
    }

    private static TorchArchive whole(byte[] pickle) {
        return new TorchArchive().pickle(pickle).storage("0", FOUR_FLOATS);
    }

    private static Arguments spoilt(String name, String said, TorchArchive archive) {
        return Arguments.of(name, said, archive);
    }

    private static Path golden(String name) {
        return TestModels.resource("torch/" + name + ".bin");
    }

    private static void assertRefused(Path file, String said) {
        assertThatThrownBy(() -> TorchFile.open(file).close())
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(file.toString())
                .hasMessageContaining(said);
    }
}
