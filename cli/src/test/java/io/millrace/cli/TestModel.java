package io.millrace.cli;

import io.millrace.memory.DType;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Models and data for tests of the whole command, and ways to spoil them. */
public final class TestModel {
    static final int VOCABULARY = 320;
    static final int POSITIONS = 64;

    private TestModel() {}

    /** A model of random weights; twelve layers of 192 make about 10 MB in 16 bits. */
    static Path write(Path folder, DType dtype, int layers, int hidden) {
        Map<String, Object> config = new LinkedHashMap<>();
        config.put("architectures", List.of("LlamaForCausalLM"));
        config.put("model_type", "llama");
        config.put("hidden_act", "silu");
        config.put("hidden_size", (long) hidden);
        config.put("intermediate_size", hidden * 8L / 3);
        config.put("max_position_embeddings", (long) POSITIONS);
        config.put("num_attention_heads", 4L);
        config.put("num_key_value_heads", 2L);
        config.put("num_hidden_layers", (long) layers);
        config.put("rms_norm_eps", 1e-5);
        config.put("rope_theta", 10000.0);
        config.put("tie_word_embeddings", false);
        config.put("torch_dtype", dtype.torchName());
        config.put("vocab_size", (long) VOCABULARY);
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(config)),
                dtype,
                7,
                folder,
                bytes -> {});
        return folder;
    }

    /** Tokenised rows of different lengths. */
    static Path data(Path file, int rows) throws IOException {
        Random random = new Random(21);
        List<String> lines =
                IntStream.range(0, rows)
                        .mapToObj(row ->
                                Json.write(
                                        Map.of(
                                                "input_ids",
                                                random.ints(3L + random.nextInt(20), 0, VOCABULARY)
                                                        .asLongStream()
                                                        .boxed()
                                                        .toList())))
                        .toList();
        return Files.write(file, lines);
    }

    /** The sample model with its tokenizer. */
    static Path copySample(Path folder) throws IOException {
        Files.createDirectories(folder);
        try (Stream<Path> files = Files.list(Path.of("../samples/tiny-lm"))) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        return folder;
    }

    static Path weights(Path model) {
        return model.resolve("model.safetensors");
    }

    /** Changes fields of a model's configuration. */
    static void editConfig(Path model, Consumer<Map<String, Object>> edit) throws IOException {
        Path file = model.resolve("config.json");
        Map<String, Object> fields =
                new LinkedHashMap<>(Json.parseObject(Files.readString(file)).fields());
        edit.accept(fields);
        Files.writeString(file, Json.write(fields));
    }

    /** Changes what the header of a weight file says, and not what follows it. */
    static void editHeader(Path model, Consumer<Map<String, Object>> edit) throws IOException {
        byte[] bytes = Files.readAllBytes(weights(model));
        int length = headerBytes(bytes);
        String json = new String(bytes, Long.BYTES, length, StandardCharsets.UTF_8);
        Map<String, Object> fields = new LinkedHashMap<>(Json.parseObject(json).fields());
        edit.accept(fields);
        byte[] edited = Json.write(fields).getBytes(StandardCharsets.UTF_8);
        ByteBuffer file =
                ByteBuffer.allocate(bytes.length - length + edited.length)
                        .order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(edited.length).put(edited);
        file.put(bytes, Long.BYTES + length, bytes.length - length - Long.BYTES);
        Files.write(weights(model), file.array());
    }

    /** Changes what the header says of one tensor. */
    static void editTensor(Path model, String name, Consumer<Map<String, Object>> edit)
            throws IOException {
        editHeader(
                model,
                header -> {
                    Map<String, Object> tensor = new LinkedHashMap<>();
                    ((Map<?, ?>) header.get(name))
                            .forEach((field, value) -> tensor.put(field.toString(), value));
                    edit.accept(tensor);
                    header.put(name, tensor);
                });
    }

    /** Overwrites the last element of a weight file in 16 bits. */
    static void setLastElement(Path model, int bits) throws IOException {
        byte[] bytes = Files.readAllBytes(weights(model));
        bytes[bytes.length - 2] = (byte) bits;
        bytes[bytes.length - 1] = (byte) (bits >> Byte.SIZE);
        Files.write(weights(model), bytes);
    }

    private static int headerBytes(byte[] bytes) {
        return (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    }
}
