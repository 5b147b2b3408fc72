package io.millrace.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.TorchArchive;
import io.millrace.model.file.WeightFiles;
import io.millrace.model.file.pickle.PickleBytes;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models in other forms and by other names than save_pretrained gives them now. */
class PublishedFormsTest {
    private static final Map<DType, String> STORAGES =
            Map.of(
                    DType.F32, "FloatStorage",
                    DType.BF16, "BFloat16Storage",
                    DType.F16, "HalfStorage");

    @TempDir Path folder;

    @Test
    void aModelInPyTorchsFormIsWrittenAsItsSafetensors() throws IOException {
        Path torch = torch(TestModels.GPT2, "pytorch_model.bin", name -> "transformer." + name);
        // The names that the file of a base model has: without the family's prefix.
        Path bare = torch(TestModels.GPT2, "pytorch_model.bin", name -> name);
        Path first = written(torch, "first");

        assertThat(entries(first)).containsExactly("config.json", "model.safetensors");
        assertThat(Files.mismatch(weights(first), weights(written(bare, "second")))).isEqualTo(-1);
        try (Checkpoint stored = Checkpoint.open(first);
                Checkpoint read = Checkpoint.open(torch)) {
            assertThat(stored.scan()).isEqualTo(read.scan());
            assertThat(stored.tensors().keySet()).contains("transformer.wte.weight");
            assertThat(stored.ignoredTensors()).isEmpty();
        }
        assertSameBlocks(TestModels.GPT2, torch);
    }

    @ParameterizedTest
    @CsvSource({
        "module.,",
        "_orig_mod.,",
        "module._orig_mod.,",
        "base_model.model.,",
        "model.,",
        "module.model.,",
        "'',_orig_mod."
    })
    void aWrappersPartOfNamesIsTakenAway(String prefix, String within) throws IOException {
        Path wrapped =
                torch(
                        TestModels.SHARDED,
                        "pytorch_model.bin",
                        name ->
                                prefix
                                        + (within == null
                                                ? name
                                                : name.replace(
                                                        "self_attn.", "self_attn." + within)));

        try (Checkpoint base = Checkpoint.open(TestModels.SHARDED);
                Checkpoint read = Checkpoint.open(wrapped)) {
            assertThat(read.tensors().keySet())
                    .containsExactlyInAnyOrderElementsOf(base.tensors().keySet());
            assertThat(read.scan().fingerprint()).isEqualTo(base.scan().fingerprint());
        }
        try (Checkpoint written = Checkpoint.open(written(wrapped, "out"))) {
            assertThat(written.tensors()).containsKey("model.layers.0.self_attn.q_proj.weight");
        }
    }

    @Test
    void namesInSafetensorsLoseAWrapperToo() throws IOException {
        Path wrapped =
                CheckpointTest.rewrite(
                        TestModels.SHARDED,
                        folder.resolve("wrapped"),
                        entry ->
                                List.of(
                                        new io.millrace.model.file.SafetensorsWriter.Entry(
                                                "module." + entry.name(),
                                                entry.format(),
                                                entry.shape())),
                        (name, bytes) -> bytes);

        try (Checkpoint read = Checkpoint.open(wrapped);
                Checkpoint written = Checkpoint.open(written(wrapped, "out"))) {
            assertThat(written.scan()).isEqualTo(read.scan());
            assertThat(written.tensors()).containsKey("model.norm.weight");
        }
    }

    @Test
    void whatNoWrapperExplainsIsMissing() throws IOException {
        Path other = torch(TestModels.SHARDED, "pytorch_model.bin", name -> "student." + name);
        assertRefused(other, "tensor 'model.embed_tokens.weight' is missing");
        Path lora =
                torch(
                        TestModels.SHARDED,
                        "pytorch_model.bin",
                        name ->
                                "base_model.model."
                                        + name.replace("norm.weight", "norm.lora_A.weight"));
        assertRefused(lora, "and there are factors of a LoRA; merge them before saving");
    }

    @Test
    void shardsAreFoundByTheirIndexAndWrittenByTheirNewNames() throws IOException {
        Path model = shards();
        assertSameBlocks(TestModels.SHARDED, model);

        Path out = written(model, "out");

        assertThat(entries(out))
                .containsExactly(
                        "config.json",
                        "model-00001-of-00002.safetensors",
                        "model-00002-of-00002.safetensors",
                        "model.safetensors.index.json");
        try (Checkpoint written = Checkpoint.open(out);
                Checkpoint read = Checkpoint.open(model)) {
            assertThat(written.scan()).isEqualTo(read.scan());
        }
        JsonObject index = Json.parseObject(Files.readString(out.resolve(WeightFiles.INDEX)));
        assertThat(index.object("metadata").integer("total_size")).isEqualTo(520064);
        assertThat(index.object("weight_map").fields()).hasSize(47);
    }

    @Test
    void anIndexLeadsNowhereElse() throws IOException {
        Path model = shards();
        Path index = model.resolve("pytorch_model.bin.index.json");
        String sound = Files.readString(index);
        for (String elsewhere :
                List.of(
                        "../x.bin",
                        "/etc/passwd",
                        "a/b.bin",
                        "..",
                        ".hidden",
                        "a\\\\b",
                        "a\\u0000")) {
            Files.writeString(index, sound.replace("pytorch_model-00002-of-00002.bin", elsewhere));
            assertRefused(model, "index.json: field 'weight_map' sends '");
        }
    }

    @Test
    void anIndexMayPromiseOrLackWhatNobodyNeeds() throws IOException {
        Path model = shards();
        Path index = model.resolve("pytorch_model.bin.index.json");
        TestModels.replace(
                index,
                "\"weight_map\":{",
                "\"weight_map\":{\"lm_head.weight\":\"pytorch_model-00001-of-00002.bin\",");
        assertSameBlocks(TestModels.SHARDED, model);
        TestModels.replace(index, "\"model.norm.weight\"", "\"model.other\"");
        assertRefused(model, "lacks tensor 'model.norm.weight' of pytorch_model-00002-of-00002");
    }

    @Test
    void ofTwoFormsSafetensorsAreRead() throws IOException {
        Path model = TestModels.copy(TestModels.GPT2, folder.resolve("both"));
        Files.writeString(model.resolve("pytorch_model.bin"), "no archive");
        assertSameBlocks(TestModels.GPT2, model);
    }

    @Test
    void tellsWhatAFolderIsThatIsNoModel() throws IOException {
        Path model = Files.createDirectory(folder.resolve("m"));
        Files.writeString(model.resolve("adapter_config.json"), "{}");
        assertRefused(
                model, "is the folder of an adapter, which has no model in it; give its base");
        Files.copy(TestModels.SHARDED.resolve("config.json"), model.resolve("config.json"));
        Files.createFile(model.resolve("model-q4.gguf"));
        assertRefused(model, "model-q4.gguf: ends within its header; download it again");
        Files.move(model.resolve("model-q4.gguf"), model.resolve("model.onnx"));
        assertRefused(model, "has no weights but model.onnx, a form that is not read");
        Files.createFile(model.resolve("pytorch_model-00001-of-00002.bin"));
        assertRefused(
                model, "has bin files but neither pytorch_model.bin nor pytorch_model.bin.index");
    }

    private Path shards() throws IOException {
        Path model = Files.createDirectories(folder.resolve("shards"));
        Files.copy(TestModels.SHARDED.resolve("config.json"), model.resolve("config.json"));
        Map<String, Object> homes = new LinkedHashMap<>();
        try (Checkpoint base = Checkpoint.open(TestModels.SHARDED)) {
            List<TensorInfo> all = List.copyOf(base.tensors().values());
            for (int shard = 1; shard <= 2; shard++) {
                String name = "pytorch_model-0000" + shard + "-of-00002.bin";
                List<TensorInfo> part =
                        shard == 1 ? all.subList(0, 20) : all.subList(20, all.size());
                part.forEach(tensor -> homes.put(tensor.name(), name));
                archive(base, part, own -> own).write(model.resolve(name));
            }
        }
        Files.writeString(
                model.resolve("pytorch_model.bin.index.json"),
                Json.write(Map.of("weight_map", homes)));
        return model;
    }

    private Path torch(Path source, String file, UnaryOperator<String> names) throws IOException {
        Path model = Files.createTempDirectory(folder, "torch");
        Files.copy(source.resolve("config.json"), model.resolve("config.json"));
        try (Checkpoint base = Checkpoint.open(source)) {
            archive(base, List.copyOf(base.tensors().values()), names).write(model.resolve(file));
        }
        return model;
    }

    private static TorchArchive archive(
            Checkpoint base, List<TensorInfo> tensors, UnaryOperator<String> names) {
        PickleBytes pickle = PickleBytes.dict();
        TorchArchive archive = new TorchArchive();
        int key = 0;
        for (TensorInfo tensor : tensors) {
            byte[] bytes = new byte[(int) tensor.sizeBytes()];
            base.weights().read(tensor, 0, MemorySegment.ofArray(bytes));
            archive.storage(Integer.toString(key), bytes);
            pickle.tensor(
                    names.apply(tensor.name()),
                    STORAGES.get(tensor.dtype()),
                    Integer.toString(key++),
                    tensor.elementCount(),
                    0,
                    tensor.shape().stream().mapToLong(Long::longValue).toArray());
        }
        return archive.pickle(pickle.endDict());
    }

    /** The model as a run that changes nothing would save it. */
    private Path written(Path model, String name) {
        Path out = folder.resolve(name);
        try (Checkpoint base = Checkpoint.open(model);
                CheckpointWriter writer = CheckpointWriter.create(base, base.layout(), out)) {
            writer.writeAll(base::readTensor);
            writer.commit();
        }
        return out;
    }

    private static void assertSameBlocks(Path expected, Path found) {
        try (Checkpoint one = Checkpoint.open(expected);
                Checkpoint other = Checkpoint.open(found);
                Arena arena = Arena.ofConfined()) {
            for (BlockLayout block : one.layout().blocks()) {
                MemorySegment left = arena.allocate(block.sizeBytes());
                MemorySegment right = arena.allocate(block.sizeBytes());
                one.readBlock(block.index(), left);
                other.readBlock(block.index(), right);
                assertThat(left.mismatch(right)).isEqualTo(-1);
            }
        }
    }

    private static Path weights(Path model) {
        try (SafetensorsFile file = SafetensorsFile.open(model.resolve(WeightFiles.SINGLE))) {
            return file.path();
        }
    }

    private static List<String> entries(Path model) throws IOException {
        try (Stream<Path> entries = Files.list(model)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        }
    }

    private static void assertRefused(Path model, String said) {
        assertThatThrownBy(() -> Checkpoint.open(model).close())
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(model.toString())
                .hasMessageContaining(said);
    }
}
