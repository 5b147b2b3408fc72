package io.millrace.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.CorruptDataException;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.config.SideFile;
import io.millrace.model.file.Elements;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsHeader;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.file.TensorInfo;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CheckpointTest {
    private static final byte POISON = 0x5A;

    @TempDir Path folder;

    @Test
    void readsBlocksAsTheFilesHaveThem() {
        try (Checkpoint checkpoint = Checkpoint.open(TestModels.GPT2);
                SafetensorsFile file =
                        SafetensorsFile.open(TestModels.GPT2.resolve("model.safetensors"));
                Arena arena = Arena.ofConfined()) {
            assertThat(checkpoint.layout().tensorCount()).isEqualTo(40);
            assertThat(checkpoint.ignoredTensors()).isEmpty();
            for (BlockLayout block : checkpoint.layout().blocks()) {
                MemorySegment bytes = arena.allocate(block.sizeBytes()).fill(POISON);
                checkpoint.readBlock(block.index(), bytes);
                for (TensorSlot slot : block.tensors()) {
                    MemorySegment expected = arena.allocate(slot.sizeBytes());
                    file.read(file.tensor(slot.name()), expected);
                    MemorySegment found = bytes.asSlice(slot.offsetBytes(), slot.sizeBytes());
                    assertThat(found.mismatch(expected)).as(slot.name()).isEqualTo(-1);
                }
            }
        }
    }

    @Test
    void convertsToTheDtypeOfTheLayout() {
        try (Checkpoint checkpoint = Checkpoint.open(TestModels.SHARDED);
                Arena arena = Arena.ofConfined()) {
            assertThat(checkpoint.program().isTied()).isTrue();
            assertThat(checkpoint.layout().block(0).tensors().getFirst().dtype())
                    .isEqualTo(DType.BF16);
            ModelLayout wide = checkpoint.layout(DType.F32);
            for (BlockLayout block : wide.blocks()) {
                MemorySegment bytes = arena.allocate(block.sizeBytes()).fill(POISON);
                checkpoint.readBlock(block, bytes);
                BlockLayout stored = checkpoint.layout().block(block.index());
                MemorySegment narrow = arena.allocate(stored.sizeBytes());
                checkpoint.readBlock(stored, narrow);
                for (TensorSlot slot : block.tensors()) {
                    TensorSlot source = stored.tensor(slot.name());
                    for (long i = 0; i < slot.elementCount(); i++) {
                        float expected =
                                Elements.get(narrow.asSlice(source.offsetBytes()), DType.BF16, i);
                        float found = Elements.get(bytes.asSlice(slot.offsetBytes()), DType.F32, i);
                        if (Float.floatToRawIntBits(expected) != Float.floatToRawIntBits(found)) {
                            throw new AssertionError(slot.name() + " element " + i);
                        }
                    }
                }
            }
        }
    }

    @Test
    void clearsTheBytesBetweenTensors() {
        Path odd = rewrite(TestModels.SHARDED, folder, List::of, (name, bytes) -> bytes);
        try (Checkpoint checkpoint = Checkpoint.open(odd);
                Arena arena = Arena.ofConfined()) {
            BlockLayout block = checkpoint.layout().block(1);
            MemorySegment one = arena.allocate(block.sizeBytes()).fill(POISON);
            MemorySegment other = arena.allocate(block.sizeBytes()).fill((byte) 0);
            checkpoint.readBlock(1, one);
            checkpoint.readBlock(1, other);
            assertThat(one.mismatch(other)).isEqualTo(-1);
        }
    }

    @Test
    void fingerprintsWeightsWhateverTheirFiles() {
        Path single = rewrite(TestModels.SHARDED, folder, List::of, (name, bytes) -> bytes);
        try (Checkpoint shards = Checkpoint.open(TestModels.SHARDED);
                Checkpoint one = Checkpoint.open(single)) {
            WeightScan scan = shards.scan();
            assertThat(scan.fingerprint()).hasSize(64).isEqualTo(one.scan().fingerprint());
            assertThat(scan.sizeBytes()).isEqualTo(520064);
            assertThat(scan.checksums()).hasSize(47);
        }
    }

    @Test
    void fingerprintChangesWithOneBit() {
        Path changed =
                rewrite(
                        TestModels.SHARDED,
                        folder,
                        List::of,
                        (name, bytes) -> {
                            if (name.equals("model.norm.weight")) {
                                bytes[100] ^= 1;
                            }
                            return bytes;
                        });
        try (Checkpoint before = Checkpoint.open(TestModels.SHARDED);
                Checkpoint after = Checkpoint.open(changed)) {
            assertThat(after.scan().fingerprint()).isNotEqualTo(before.scan().fingerprint());
        }
    }

    @Test
    void refusesWeightsThatAreNoNumbers() {
        Path damaged =
                rewrite(
                        TestModels.SHARDED,
                        folder,
                        List::of,
                        (name, bytes) -> {
                            if (name.equals("model.layers.3.mlp.up_proj.weight")) {
                                bytes[2 * 5001] = (byte) 0xC0;
                                bytes[2 * 5001 + 1] = 0x7F;
                            }
                            return bytes;
                        });
        try (Checkpoint checkpoint = Checkpoint.open(damaged)) {
            assertThatThrownBy(checkpoint::scan)
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining(damaged.resolve("model.safetensors").toString())
                    .hasMessageContaining("'model.layers.3.mlp.up_proj.weight' has NaN")
                    .hasMessageContaining("at element 5001");
        }
    }

    @Test
    void refusesValuesThatOverflowANarrowerDtype() {
        Path large =
                rewrite(
                        TestModels.SHARDED,
                        folder,
                        List::of,
                        (name, bytes) -> {
                            if (name.equals("model.norm.weight")) {
                                bytes[2 * 7] = 0;
                                bytes[2 * 7 + 1] = 0x60; // 2^65
                            }
                            return bytes;
                        });
        try (Checkpoint checkpoint = Checkpoint.open(large);
                Arena arena = Arena.ofConfined()) {
            BlockLayout block = checkpoint.layout(DType.F16).block(0);
            MemorySegment bytes = arena.allocate(block.sizeBytes());
            assertThatThrownBy(() -> checkpoint.readBlock(block, bytes))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("'model.norm.weight' has Infinity at element 7")
                    .hasMessageContaining("float16");
        }
    }

    @Test
    void namesATensorThatChangedAfterTheScan() throws IOException {
        Path changing = rewrite(TestModels.SHARDED, folder, List::of, (name, bytes) -> bytes);
        try (Checkpoint checkpoint = Checkpoint.open(changing);
                Arena arena = Arena.ofConfined()) {
            checkpoint.scan();
            TensorInfo norm = checkpoint.tensors().get("model.norm.weight");
            try (RandomAccessFile file = new RandomAccessFile(norm.file().toFile(), "rw")) {
                file.seek(norm.offsetBytes() + 9);
                file.write(1);
            }
            for (ModelLayout layout : List.of(checkpoint.layout(), checkpoint.layout(DType.F32))) {
                BlockLayout block = layout.block(0);
                assertThatThrownBy(() ->
                                checkpoint.readBlock(block, arena.allocate(block.sizeBytes())))
                        .isInstanceOf(CorruptDataException.class)
                        .hasMessageContainingAll("safetensors", "'model.norm.weight'", "changed");
            }
        }
    }

    @Test
    void keepsTensorsWithoutUseButSaysSo() {
        Path extra =
                rewrite(
                        TestModels.SHARDED,
                        folder,
                        entry ->
                                entry.name().equals("model.norm.weight")
                                        ? List.of(entry, renamed(entry, "model.surprise"))
                                        : List.of(entry),
                        (name, bytes) -> bytes);
        try (Checkpoint checkpoint = Checkpoint.open(extra)) {
            assertThat(checkpoint.ignoredTensors()).containsExactly("model.surprise");
            assertThat(checkpoint.layout().tensorCount()).isEqualTo(47);
        }
    }

    @Test
    void takesAStoredCopyOfATiedHeadForTheEmbedding() {
        Path copied = withHead((name, bytes) -> bytes);
        try (Checkpoint checkpoint = Checkpoint.open(copied);
                Checkpoint plain = Checkpoint.open(TestModels.SHARDED)) {
            assertThat(checkpoint.headCopies()).containsExactly("lm_head.weight");
            assertThat(checkpoint.ignoredTensors()).isEmpty();
            assertThat(checkpoint.layout().tensorCount()).isEqualTo(47);
            assertThat(checkpoint.scan().fingerprint()).isEqualTo(plain.scan().fingerprint());
        }
    }

    @Test
    void refusesATiedHeadThatDiffersFromTheEmbedding() {
        Path differs =
                withHead((name, bytes) -> {
                    if (name.equals("lm_head.weight")) {
                        bytes[bytes.length - 1] ^= 1;
                    }
                    return bytes;
                });
        assertRefused(differs, "'lm_head.weight' differs from 'model.embed_tokens.weight'");
    }

    @Test
    void refusesMissingMisshapenAndIntegerTensors() {
        Path missing =
                rewrite(
                        TestModels.SHARDED,
                        folder.resolve("a"),
                        entry ->
                                entry.name().equals("model.norm.weight")
                                        ? List.of(renamed(entry, "other"))
                                        : List.of(entry),
                        (name, bytes) -> bytes);
        assertRefused(missing, "tensor 'model.norm.weight' is missing");
        Path misshapen =
                rewrite(
                        TestModels.SHARDED,
                        folder.resolve("b"),
                        entry ->
                                entry.name().equals("model.norm.weight")
                                        ? List.of(
                                                new SafetensorsWriter.Entry(
                                                        entry.name(),
                                                        entry.format(),
                                                        List.of(32L, 2L)))
                                        : List.of(entry),
                        (name, bytes) -> bytes);
        assertRefused(misshapen, "'model.norm.weight' has shape [32, 2] where config.json asks");
        Path integers =
                rewrite(
                        TestModels.SHARDED,
                        folder.resolve("c"),
                        entry ->
                                entry.name().equals("model.norm.weight")
                                        ? List.of(
                                                new SafetensorsWriter.Entry(
                                                        entry.name(), DType.I16, entry.shape()))
                                        : List.of(entry),
                        (name, bytes) -> bytes);
        assertRefused(integers, "'model.norm.weight' is of I16, which cannot be tuned");
    }

    @Test
    void refusesFoldersThatAreNoModels() throws IOException {
        assertRefused(folder.resolve("nowhere"), "there is no such folder");
        Path file = Files.createFile(folder.resolve("file"));
        assertRefused(file, "is not a folder");
        Path empty = Files.createDirectory(folder.resolve("empty"));
        assertRefused(empty, "config.json: there is no such file");
        Files.copy(TestModels.SHARDED.resolve("config.json"), empty.resolve("config.json"));
        assertRefused(empty, "has no weights");
        Files.createFile(empty.resolve("pytorch_model.bin"));
        assertRefused(empty, "pytorch_model.bin: is no archive of torch.save: it is empty");
        Files.delete(empty.resolve("pytorch_model.bin"));
        Files.createFile(empty.resolve("model-00001-of-00002.safetensors"));
        assertRefused(empty, "has safetensors files but neither");
    }

    @Test
    void passesOverWhatAnIndexSaysOfTensorsThatNobodyNeeds() throws IOException {
        Path model = TestModels.copy(TestModels.SHARDED, folder.resolve("m"));
        Path index = model.resolve("model.safetensors.index.json");
        String norm = "\"model.norm.weight\": \"model-00003-of-00003.safetensors\"";
        String promised = "\"visual.weight\": \"model-00001-of-00003.safetensors\"";
        TestModels.replace(index, norm, norm + ", " + promised);
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            assertThat(checkpoint.ignoredTensors()).isEmpty();
        }
        Path shard = model.resolve("model-00001-of-00003.safetensors");
        List<SafetensorsWriter.Entry> entries = new ArrayList<>();
        Map<String, float[]> values = new HashMap<>();
        try (SafetensorsFile file = SafetensorsFile.open(shard)) {
            file.tensors()
                    .forEach((name, tensor) -> {
                        entries.add(new SafetensorsWriter.Entry(name, DType.F32, tensor.shape()));
                        values.put(name, file.readFloats(name));
                    });
        }
        entries.add(new SafetensorsWriter.Entry("unlisted", DType.F32, List.of(2L)));
        values.put("unlisted", new float[2]);
        Files.delete(shard);
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(shard, SafetensorsWriter.PT_METADATA, entries)) {
            values.forEach(writer::write);
            writer.commit();
        }
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            assertThat(checkpoint.ignoredTensors()).containsExactly("unlisted");
        }
    }

    @Test
    void refusesAnIndexThatDisagreesWithItsShards() throws IOException {
        Path model = TestModels.copy(TestModels.SHARDED, folder.resolve("m"));
        Path index = model.resolve("model.safetensors.index.json");
        String norm = "\"model.norm.weight\": \"model-00003-of-00003.safetensors\"";
        TestModels.replace(index, norm, norm.replace("00003-of", "00002-of"));
        assertRefused(model, "promises tensor 'model.norm.weight' in model-00002-of-00003");

        TestModels.copy(TestModels.SHARDED, model);
        TestModels.replace(index, "\"model.norm.weight\"", "\"model.other\"");
        assertRefused(model, "lacks tensor 'model.norm.weight' of model-00003-of-00003");

        TestModels.copy(TestModels.SHARDED, model);
        String text = Files.readString(index);
        Files.writeString(index, text.replaceFirst(",\\s*\"model.norm.weight\": \"[^\"]*\"", ""));
        assertRefused(model, "lacks tensor 'model.norm.weight' of model-00003-of-00003");

        TestModels.copy(TestModels.SHARDED, model);
        TestModels.replace(index, "model-00003-of-00003.safetensors", "../x.safetensors");
        assertRefused(model, "to the file '../x.safetensors'");

        TestModels.copy(TestModels.SHARDED, model);
        Files.writeString(index, "{\"weight_map\": 3}");
        assertRefused(model, "field 'weight_map' is not an object");
        Files.writeString(index, "{\"metadata\": {}}");
        assertRefused(model, "field 'weight_map' is missing or empty");
        Files.writeString(index, "{\"weight_map\": {\"a\": \"x\", \"a\": \"x\"}}");
        assertRefused(model, "has tensor 'a' twice");

        TestModels.copy(TestModels.SHARDED, model);
        Files.delete(model.resolve("model-00002-of-00003.safetensors"));
        assertRefused(model, "model-00002-of-00003.safetensors: there is no such file");
    }

    @Test
    void refusesAnIndexOfMoreTensorsThanAnyModelHas() throws IOException {
        Path model = TestModels.copy(TestModels.SHARDED, folder.resolve("m"));
        Path index = model.resolve("model.safetensors.index.json");
        StringBuilder many = new StringBuilder("{\"weight_map\": {");
        for (int i = 0; i <= SafetensorsHeader.MAX_TENSORS; i++) {
            many.append(i == 0 ? "" : ",").append("\"t").append(i).append("\":\"x.safetensors\"");
        }
        Files.writeString(index, many.append("}}"));
        assertRefused(model, "index.json: with it there are more than 250000 tensors");
    }

    @Test
    void refusesAConfigurationThatIsLargerThanAny() throws IOException {
        Path model = TestModels.copy(TestModels.SHARDED, folder.resolve("m"));
        Path config = model.resolve("config.json");
        String text = Files.readString(config);
        Files.writeString(config, text + " ".repeat((int) SideFile.MAX_WHOLE_BYTES));
        assertRefused(model, "config.json: has more than 4194304 bytes");
        Files.writeString(
                config, text.replaceFirst("\\{", "{\"x\": [" + "0,".repeat(1 << 20) + "0],"));
        assertRefused(model, "config.json: it is not valid JSON: more than 1048576 values");
        Files.delete(config);
        Files.createDirectory(config);
        assertRefused(model, "config.json: is not a file");
    }

    @Test
    void refusesMoreBesideTheWeightsThanAHeapHasRoomFor() throws IOException {
        Path model = TestModels.copy(TestModels.SHARDED, folder.resolve("m"));
        try (RandomAccessFile file =
                new RandomAccessFile(model.resolve("LICENSE-of-others").toFile(), "rw")) {
            file.setLength(192L << 20);
        }
        assertRefused(model, "the files beside the weights have more than 201326592 bytes");
    }

    @Test
    void refusesBrokenConfigurations() throws IOException {
        Path model = TestModels.copy(TestModels.SHARDED, folder.resolve("m"));
        Files.writeString(model.resolve("config.json"), "{\"model_type\": ");
        assertRefused(model, "config.json: it is not valid JSON");
        TestModels.copy(TestModels.SHARDED, model);
        TestModels.replace(model.resolve("config.json"), "\"llama\"", "\"mamba\"");
        assertRefused(model, "'model_type' is 'mamba', an unknown architecture");
    }

    @Test
    void saysWhatAMissingFieldWasTakenFor() throws IOException {
        Path model = TestModels.copy(TestModels.SHARDED, folder.resolve("m"));
        TestModels.replace(model.resolve("config.json"), "\"hidden_size\": 64,", "");
        assertRefused(
                model,
                "asks for [512, 4096]: it has no 'hidden_size', which is then 4096, as for the"
                        + " library's class");
    }

    private static void assertRefused(Path model, String message) {
        assertThatThrownBy(() -> Checkpoint.open(model).close())
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(message);
    }

    private Path withHead(BiFunction<String, byte[], byte[]> change) {
        return rewrite(
                TestModels.SHARDED,
                folder,
                entry ->
                        entry.name().equals("model.embed_tokens.weight")
                                ? List.of(entry, renamed(entry, "lm_head.weight"))
                                : List.of(entry),
                change);
    }

    private static SafetensorsWriter.Entry renamed(SafetensorsWriter.Entry entry, String name) {
        return new SafetensorsWriter.Entry(name, entry.format(), entry.shape());
    }

    /** A copy of a model in one file, with each tensor declared as often and as one says. */
    static Path rewrite(
            Path source,
            Path target,
            Function<SafetensorsWriter.Entry, List<SafetensorsWriter.Entry>> declare,
            BiFunction<String, byte[], byte[]> change) {
        try (Checkpoint base = Checkpoint.open(source)) {
            Map<SafetensorsWriter.Entry, TensorInfo> entries = new LinkedHashMap<>();
            for (TensorInfo tensor : base.tensors().values()) {
                SafetensorsWriter.Entry same =
                        new SafetensorsWriter.Entry(tensor.name(), tensor.format(), tensor.shape());
                declare.apply(same).forEach(entry -> entries.put(entry, tensor));
            }
            Files.createDirectories(target);
            Files.copy(source.resolve("config.json"), target.resolve("config.json"));
            try (SafetensorsWriter writer =
                    SafetensorsWriter.create(
                            target.resolve("model.safetensors"),
                            SafetensorsWriter.PT_METADATA,
                            List.copyOf(entries.keySet()))) {
                entries.forEach((entry, tensor) -> {
                    byte[] bytes = new byte[(int) tensor.sizeBytes()];
                    base.weights().read(tensor, 0, MemorySegment.ofArray(bytes));
                    byte[] changed = change.apply(entry.name(), bytes);
                    writer.write(entry.name(), MemorySegment.ofArray(changed));
                });
                writer.commit();
            }
            return target;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
