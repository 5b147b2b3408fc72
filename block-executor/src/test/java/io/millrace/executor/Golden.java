package io.millrace.executor;

import io.millrace.model.file.SafetensorsFile;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Reference checkpoints and answers, made with PyTorch and transformers. */
public final class Golden {
    public static final List<String> FOLDERS =
            List.of(
                    "opt",
                    "opt-350m",
                    "gpt2",
                    "gpt2-hubnames",
                    "llama",
                    "llama-deep",
                    "llama-headdim",
                    "llama3-rope",
                    "llama-linear-rope",
                    "mistral",
                    "qwen2",
                    "qwen3");

    /** Of these there are logits and losses, and no steps. */
    public static final List<String> FORWARD_ONLY = List.of("smollm3", "starcoder2");

    private Golden() {}

    public static Path path(String name) {
        try {
            return Path.of(Golden.class.getResource("/golden/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Files of decoders whose weights are a function of their names. */
    public static List<String> decoders() {
        return files("decoders");
    }

    /** The same of encoders. */
    public static List<String> encoders() {
        return files("encoders");
    }

    /** The same of decoders that classify texts. */
    public static List<String> labelled() {
        return files("labelled");
    }

    private static List<String> files(String folder) {
        try (Stream<Path> files = Files.list(path(folder))) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static JsonObject json(String name) {
        return parse(path(name));
    }

    static JsonObject parse(Path file) {
        try {
            return Json.parseObject(Files.readString(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static List<JsonObject> objects(List<?> list) {
        List<JsonObject> result = new ArrayList<>();
        list.forEach(element -> result.add(JsonObject.of((Map<?, ?>) element)));
        return result;
    }

    /** Writes one line of already tokenised data for each row. */
    public static Path writeTokenised(Path file, List<?> ids, List<?> labels) throws IOException {
        StringBuilder text = new StringBuilder();
        for (int row = 0; row < ids.size(); row++) {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("input_ids", ids.get(row));
            line.put("labels", labels.get(row));
            text.append(Json.write(line)).append('\n');
        }
        return Files.writeString(file, text);
    }

    /** Writes the rows of a golden model's padded batch without their padding. */
    static Path writeBatch(String name, Path train) throws IOException {
        try (SafetensorsFile file = SafetensorsFile.open(path(name).resolve("io.safetensors"))) {
            long[] ids = file.readLongs("input_ids");
            long[] mask = file.readLongs("attention_mask");
            long[] labels = file.readLongs("labels");
            int rows = Math.toIntExact(file.tensor("input_ids").shape().get(0));
            int columns = ids.length / rows;
            List<List<Long>> keptIds = new ArrayList<>();
            List<List<Long>> keptLabels = new ArrayList<>();
            for (int row = 0; row < rows; row++) {
                keptIds.add(new ArrayList<>());
                keptLabels.add(new ArrayList<>());
                for (int cell = row * columns; cell < (row + 1) * columns; cell++) {
                    if (mask[cell] != 0) {
                        keptIds.getLast().add(ids[cell]);
                        keptLabels.getLast().add(labels[cell]);
                    }
                }
            }
            return writeTokenised(train, keptIds, keptLabels);
        }
    }
}
