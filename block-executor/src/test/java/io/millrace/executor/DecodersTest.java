package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.DType;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Logits of architectures whose weights are a function of their names, against those of
 * transformers in float64. One of two rows is padded on its left.
 */
class DecodersTest {
    private static final float BOUND = 3e-5f;
    private static final long FNV_BASIS = 0xcbf29ce484222325L;
    private static final long FNV_PRIME = 0x100000001b3L;

    @TempDir Path temp;

    static Stream<String> names() {
        return Golden.decoders().stream();
    }

    @ParameterizedTest
    @MethodSource("names")
    void agreesWithTheReference(String name) throws IOException {
        assertAgrees(temp, Golden.json("decoders/" + name), memory());
    }

    static void assertAgrees(Path temp, JsonObject golden, MemoryConfig memory) throws IOException {
        Path model = Files.createDirectory(temp.resolve("model"));
        writeModel(model, golden);
        Path input = temp.resolve("in.safetensors");
        writeInput(input, golden);
        Path output = temp.resolve("out.safetensors");

        ForwardPass.run(model, Optional.empty(), input, output, memory);

        try (SafetensorsFile actual = SafetensorsFile.open(output)) {
            float[] logits = actual.readFloats("logits");
            List<Long> shape = actual.tensor("logits").shape();
            int tokens = shape.size() == 3 ? Math.toIntExact(shape.get(1)) : 1;
            for (Object entry : golden.array("logits")) {
                List<?> cell = (List<?>) entry;
                int row = ((Number) cell.get(0)).intValue();
                int token = ((Number) cell.get(1)).intValue();
                List<?> wanted = (List<?>) cell.get(2);
                for (int i = 0; i < wanted.size(); i++) {
                    int at = (row * tokens + token) * wanted.size() + i;
                    assertThat(logits[at])
                            .as("logit %d of token %d of row %d", i, token, row)
                            .isCloseTo(((Number) wanted.get(i)).floatValue(), within(BOUND));
                }
            }
        }
    }

    /** Where it is computed. */
    MemoryConfig memory() {
        return MemoryConfig.DEFAULT;
    }

    static void writeModel(Path folder, JsonObject golden) throws IOException {
        List<SafetensorsWriter.Entry> entries = new ArrayList<>();
        List<Float> bases = new ArrayList<>();
        for (Object tensor : golden.array("tensors")) {
            List<?> fields = (List<?>) tensor;
            List<Long> shape = ((List<?>) fields.get(1)).stream().map(Long.class::cast).toList();
            entries.add(new SafetensorsWriter.Entry((String) fields.get(0), DType.F32, shape));
            bases.add(((Number) fields.get(2)).floatValue());
        }
        float scale = (float) golden.number("scale");
        writeModel(folder, golden.object("config"), entries, bases, scale);
    }

    /** Writes weights that are a function of their names, each about a base of its own. */
    static void writeModel(
            Path folder,
            JsonObject config,
            List<SafetensorsWriter.Entry> entries,
            List<Float> bases,
            float scale)
            throws IOException {
        Files.writeString(folder.resolve("config.json"), Json.write(config.fields()));
        try (SafetensorsWriter writer =
                SafetensorsWriter.create(
                        folder.resolve("model.safetensors"),
                        SafetensorsWriter.PT_METADATA,
                        entries)) {
            for (int i = 0; i < entries.size(); i++) {
                SafetensorsWriter.Entry entry = entries.get(i);
                int count = Math.toIntExact(entry.sizeBytes() / Float.BYTES);
                writer.write(entry.name(), values(entry.name(), count, bases.get(i), scale));
            }
            writer.commit();
        }
    }

    /** {@code base + scale · u}, u a hash of name and index in [−1, 1) with 24 bits. */
    private static float[] values(String name, int count, float base, float scale) {
        long seed = FNV_BASIS;
        for (int i = 0; i < name.length(); i++) {
            seed = (seed ^ name.charAt(i)) * FNV_PRIME;
        }
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            long x = i * 0x9E3779B97F4A7C15L + seed;
            x = (x ^ x >>> 30) * 0xBF58476D1CE4E5B9L;
            x = (x ^ x >>> 27) * 0x94D049BB133111EBL;
            x ^= x >>> 31;
            values[i] = base + scale * ((x >>> 40) * 0x1p-23f - 1);
        }
        return values;
    }

    static void writeInput(Path file, JsonObject golden) {
        List<?> rows = golden.array("input_ids");
        List<Long> shape = List.of((long) rows.size(), (long) ((List<?>) rows.getFirst()).size());
        List<String> names = List.of("input_ids", "attention_mask");
        List<SafetensorsWriter.Entry> entries =
                names.stream()
                        .map(name -> new SafetensorsWriter.Entry(name, DType.I64, shape))
                        .toList();
        try (Arena arena = Arena.ofConfined();
                SafetensorsWriter writer = SafetensorsWriter.create(file, Map.of(), entries)) {
            for (String name : names) {
                long[] flat =
                        golden.array(name).stream()
                                .flatMap(row -> ((List<?>) row).stream())
                                .mapToLong(Long.class::cast)
                                .toArray();
                writer.write(name, arena.allocateFrom(ValueLayout.JAVA_LONG, flat));
            }
            writer.commit();
        }
    }
}
