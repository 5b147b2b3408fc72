package io.millrace.model.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.DType;
import io.millrace.model.TestModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsWriterTest {
    private static final List<SafetensorsWriter.Entry> TWO =
            List.of(
                    new SafetensorsWriter.Entry("a", DType.F32, List.of(2L)),
                    new SafetensorsWriter.Entry("b", DType.BF16, List.of(3L)));

    @TempDir Path folder;

    @Test
    void writesTheBytesThatItRead() throws IOException {
        for (Path source :
                List.of(
                        TestModels.GPT2.resolve("model.safetensors"),
                        TestModels.SHARDED.resolve("model-00002-of-00003.safetensors"))) {
            Path copy = folder.resolve("copy.safetensors");
            long seed = Long.getLong("test.seed", System.nanoTime());
            try (SafetensorsFile file = SafetensorsFile.open(source);
                    Arena arena = Arena.ofConfined();
                    SafetensorsWriter writer =
                            SafetensorsWriter.create(copy, file.metadata(), entries(file))) {
                List<TensorInfo> shuffled = new ArrayList<>(file.tensors().values());
                Collections.shuffle(shuffled, new Random(seed));
                for (TensorInfo tensor : shuffled) {
                    MemorySegment bytes = arena.allocate(tensor.sizeBytes());
                    file.read(tensor, bytes);
                    long half = tensor.sizeBytes() / 2;
                    writer.write(tensor.name(), half, bytes.asSlice(half));
                    writer.write(tensor.name(), 0, bytes.asSlice(0, half));
                }
                writer.commit();
            }
            assertThat(copy).as("seed %d", seed).hasSameBinaryContentAs(source);
        }
    }

    @Test
    void leavesNothingWithoutCommit() {
        Path path = folder.resolve("x.safetensors");
        try (SafetensorsWriter writer = SafetensorsWriter.create(path, Map.of(), TWO)) {
            writer.write("a", new float[] {1, 2});
            assertThat(folder).isDirectoryContaining("glob:**.part");
            assertThat(path).doesNotExist();
        }
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void refusesToCommitWithMissingBytes() {
        Path path = folder.resolve("x.safetensors");
        try (SafetensorsWriter writer = SafetensorsWriter.create(path, Map.of(), TWO)) {
            writer.write("a", new float[] {1, 2});
            writer.write("b", 0, MemorySegment.ofArray(new short[] {1, 2}));
            assertThatThrownBy(writer::commit)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("lacks bytes of [b]");
        }
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void refusesBytesThatAreNotTheTensors() {
        Path path = folder.resolve("x.safetensors");
        try (SafetensorsWriter writer = SafetensorsWriter.create(path, Map.of(), TWO)) {
            assertThatThrownBy(() -> writer.write("a", new float[3]))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> writer.write("a", -4, MemorySegment.ofArray(new float[1])))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> writer.write("c", new float[1]))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void beginsDataAtMultiplesOfEight() {
        for (int length = 1; length < 20; length++) {
            Path path = folder.resolve("x.safetensors");
            String name = "n".repeat(length);
            try (SafetensorsWriter writer =
                    SafetensorsWriter.create(
                            path,
                            SafetensorsWriter.PT_METADATA,
                            List.of(new SafetensorsWriter.Entry(name, DType.F32, List.of(1L))))) {
                writer.write(name, new float[] {length});
                writer.commit();
            }
            try (SafetensorsFile file = SafetensorsFile.open(path)) {
                assertThat(file.tensor(name).offsetBytes() % 8).isZero();
                assertThat(file.readFloats(name)).containsExactly(length);
            }
        }
    }

    private static List<SafetensorsWriter.Entry> entries(SafetensorsFile file) {
        return file.tensors().values().stream()
                .map(t -> new SafetensorsWriter.Entry(t.name(), t.format(), t.shape()))
                .toList();
    }
}
