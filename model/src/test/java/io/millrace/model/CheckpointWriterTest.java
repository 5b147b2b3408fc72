package io.millrace.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointWriterTest {
    @TempDir Path folder;

    @Test
    void writesAnUntouchedModelByteForByte() {
        for (Path source : List.of(TestModels.SHARDED, TestModels.GPT2)) {
            Path out = folder.resolve(source.getFileName().toString()).resolve("deep/er");
            try (Checkpoint base = Checkpoint.open(source);
                    CheckpointWriter writer = CheckpointWriter.create(base, base.layout(), out)) {
                writer.writeAll(base::readTensor);
                writer.commit();
            }
            for (Path file : TestModels.list(source)) {
                String name = file.getFileName().toString();
                if (name.equals("trainable.json") || name.equals("config.v5.json")) {
                    assertThat(out.resolve(name)).doesNotExist();
                } else {
                    assertThat(out.resolve(name)).hasSameBinaryContentAs(file);
                }
            }
            assertThat(TestModels.list(out)).noneMatch(path -> path.toString().endsWith(".part"));
        }
    }

    @Test
    void writesBlocksInAnyOrder() {
        Path out = folder.resolve("out");
        try (Checkpoint base = Checkpoint.open(TestModels.SHARDED);
                CheckpointWriter writer = CheckpointWriter.create(base, base.layout(), out);
                Arena arena = Arena.ofConfined()) {
            for (BlockLayout block : base.layout().blocks().reversed()) {
                MemorySegment bytes = arena.allocate(block.sizeBytes());
                base.readBlock(block.index(), bytes);
                writer.writeBlock(block.index(), bytes);
            }
            writer.commit();
            try (Checkpoint written = Checkpoint.open(out)) {
                assertThat(written.scan()).isEqualTo(base.scan());
            }
        }
    }

    @Test
    void convertsAndSaysSoInTheConfiguration() throws IOException {
        Path out = folder.resolve("out");
        try (Checkpoint base = Checkpoint.open(TestModels.SHARDED);
                CheckpointWriter writer =
                        CheckpointWriter.create(base, base.layout(DType.F32), out)) {
            writer.writeAll(base::readTensor);
            writer.commit();
        }
        JsonObject config = Json.parseObject(Files.readString(out.resolve("config.json")));
        assertThat(config.string("torch_dtype")).isEqualTo("float32");
        assertThat(config.has("dtype")).isFalse();
        assertThat(config.number("rms_norm_eps")).isEqualTo(1e-5);
        JsonObject index =
                Json.parseObject(Files.readString(out.resolve("model.safetensors.index.json")));
        assertThat(index.object("metadata").integer("total_size")).isEqualTo(2 * 520064);
        Path back = folder.resolve("back");
        try (Checkpoint wide = Checkpoint.open(out);
                CheckpointWriter writer =
                        CheckpointWriter.create(wide, wide.layout(DType.BF16), back)) {
            writer.writeAll(wide::readTensor);
            writer.commit();
        }
        for (int shard = 1; shard <= 3; shard++) {
            String name = "model-0000" + shard + "-of-00003.safetensors";
            assertThat(back.resolve(name)).hasSameBinaryContentAs(TestModels.SHARDED.resolve(name));
        }
    }

    @Test
    void givesACopyOfTheHeadTheTunedEmbedding() {
        Path source =
                CheckpointTest.rewrite(
                        TestModels.SHARDED,
                        folder.resolve("base"),
                        entry ->
                                entry.name().equals("model.embed_tokens.weight")
                                        ? List.of(
                                                entry,
                                                new SafetensorsWriter.Entry(
                                                        "lm_head.weight",
                                                        entry.format(),
                                                        entry.shape()))
                                        : List.of(entry),
                        (name, bytes) -> bytes);
        Path out = folder.resolve("out");
        try (Checkpoint base = Checkpoint.open(source);
                CheckpointWriter writer = CheckpointWriter.create(base, base.layout(), out)) {
            writer.writeAll(CheckpointWriterTest::tuned);
            writer.commit();
        }
        try (SafetensorsFile file = SafetensorsFile.open(out.resolve("model.safetensors"))) {
            float[] embedding = file.readFloats("model.embed_tokens.weight");
            assertThat(embedding).containsOnly(Float.intBitsToFloat(0x0101_0000));
            assertThat(file.readFloats("lm_head.weight")).isEqualTo(embedding);
        }
    }

    private static void tuned(TensorSlot slot, long offsetBytes, MemorySegment dst) {
        assertThat(offsetBytes + dst.byteSize()).isLessThanOrEqualTo(slot.sizeBytes());
        dst.fill((byte) 1);
    }

    @Test
    void copiesWhatHasNoUse() {
        Path out = folder.resolve("out");
        try (Checkpoint base = Checkpoint.open(TestModels.GPT2);
                CheckpointWriter writer = CheckpointWriter.create(base, base.layout(), out)) {
            writer.writeAll(CheckpointWriterTest::tuned);
            writer.commit();
        }
        try (SafetensorsFile before =
                        SafetensorsFile.open(TestModels.GPT2.resolve("model.safetensors"));
                SafetensorsFile after = SafetensorsFile.open(out.resolve("model.safetensors"))) {
            assertThat(after.readFloats("h.1.attn.bias"))
                    .isEqualTo(before.readFloats("h.1.attn.bias"));
            assertThat(after.readFloats("h.1.attn.c_attn.bias"))
                    .isNotEqualTo(before.readFloats("h.1.attn.c_attn.bias"));
        }
    }

    @Test
    void leavesWhatWasThereUntilCommit() throws IOException {
        Path out = TestModels.copy(TestModels.SHARDED, folder.resolve("out"));
        try (Checkpoint base = Checkpoint.open(TestModels.SHARDED);
                CheckpointWriter writer = CheckpointWriter.create(base, base.layout(), out)) {
            MemorySegment ones = MemorySegment.ofArray(new byte[128]);
            TensorSlot norm = base.layout().block(0).tensor("model.norm.weight");
            writer.writeTensor(norm, 0, ones);
            assertThatThrownBy(writer::commit)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("lacks bytes");
        }
        for (Path file : TestModels.list(TestModels.SHARDED)) {
            assertThat(out.resolve(file.getFileName().toString())).hasSameBinaryContentAs(file);
        }
        assertThat(TestModels.list(out)).hasSameSizeAs(TestModels.list(TestModels.SHARDED));
    }

    @Test
    void refusesFoldersThatItMustNotTouch() throws IOException {
        Path copy = TestModels.copy(TestModels.SHARDED, folder.resolve("base"));
        Path other = Files.createDirectory(folder.resolve("other"));
        Files.createFile(other.resolve("model.safetensors"));
        Path file = Files.createFile(folder.resolve("file"));
        try (Checkpoint base = Checkpoint.open(copy)) {
            assertRefused(base, copy, "is the folder of the base model");
            assertRefused(base, other, "holds model.safetensors of another model");
            assertRefused(base, file, "is not a folder");
            assertRefused(base, file.resolve("below"), "is not a folder");
        }
        assertThat(other).isDirectoryContaining("glob:**model.safetensors");
    }

    @Test
    void refusesDisksThatCannotTakeTheModel() {
        CheckpointWriter.checkWritable(folder.resolve("not/yet"), 1000);
        assertThat(folder).isEmptyDirectory();
        assertThatThrownBy(() -> CheckpointWriter.checkWritable(folder, Long.MAX_VALUE))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("needs 8192.00PiB but the disk has");
        assertThatThrownBy(() -> CheckpointWriter.checkWritable(Path.of("/proc/none"), 1))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("cannot be written");
    }

    private static void assertRefused(Checkpoint base, Path out, String message) {
        assertThatThrownBy(() -> CheckpointWriter.create(base, base.layout(), out).close())
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(message);
    }
}
