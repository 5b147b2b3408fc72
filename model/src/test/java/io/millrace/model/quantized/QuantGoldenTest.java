package io.millrace.model.quantized;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.PackedFormat;
import io.millrace.memory.TileReader;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.WeightFiles;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What each layout's codes mean, against values that programs of their own have made of them. */
class QuantGoldenTest {
    private static final Path GOLDENS = Path.of("src/test/resources/quantized");
    private static final String WEIGHT = "m.weight";

    @TempDir Path temp;

    static List<String> goldens() throws IOException {
        try (Stream<Path> files = Files.list(GOLDENS)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("goldens")
    void everyTileHasTheBitsOfTheReference(String golden) throws IOException {
        Files.copy(GOLDENS.resolve(golden), temp.resolve("model.safetensors"));
        try (SafetensorsFile file = SafetensorsFile.open(GOLDENS.resolve(golden));
                WeightFiles stored = WeightFiles.open(temp);
                Arena arena = Arena.ofConfined()) {
            JsonObject fields = Json.parseObject(file.metadata().get("quantization_config"));
            ModelConfig config =
                    ModelConfig.of(
                            "config.json",
                            new JsonObject(Map.of("quantization_config", fields.fields())));
            WeightFiles weights = QuantMethods.assemble(config, stored);
            TensorInfo tensor = weights.tensors().get(WEIGHT);
            assertThat(tensor.shape()).isEqualTo(file.tensor("expected").shape());
            float[] expected = file.readFloats("expected");
            long offset = 4L * (golden.length() % 3); // no place is better than another
            MemorySegment bytes = arena.allocate(offset + tensor.sizeBytes());
            weights.read(tensor, 0, bytes.asSlice(offset));
            float[] whole = new float[expected.length];
            tensor.format().load(bytes, offset, 0, whole, 0, whole.length);
            assertThat(bits(whole)).isEqualTo(bits(expected));
            PackedFormat format = (PackedFormat) tensor.format();
            Random random = new Random(5);
            for (int i = 0; i < 200; i++) {
                tile(format, bytes, offset, expected, random);
                range(format, bytes, offset, expected, random);
            }
        }
    }

    private static void tile(
            PackedFormat format, MemorySegment bytes, long offset, float[] all, Random random) {
        int row = random.nextInt(format.rows());
        int rows = 1 + random.nextInt(format.rows() - row);
        int column = random.nextInt(format.columns());
        int columns = 1 + random.nextInt(format.columns() - column);
        float[] values = new float[3 + rows * columns];
        TileReader.Area area = new TileReader.Area(row, rows, column, columns);
        format.reader().tile(bytes, offset, area, values, 3);
        for (int r = 0; r < rows; r++) {
            int from = (row + r) * format.columns() + column;
            int at = 3 + r * columns;
            assertThat(bits(Arrays.copyOfRange(values, at, at + columns)))
                    .as("row %d, columns %d to %d", row + r, column, column + columns)
                    .isEqualTo(bits(Arrays.copyOfRange(all, from, from + columns)));
        }
    }

    private static void range(
            PackedFormat format, MemorySegment bytes, long offset, float[] all, Random random) {
        int first = random.nextInt(all.length);
        int count = 1 + random.nextInt(all.length - first);
        float[] values = new float[count];
        format.load(bytes, offset, first, values, 0, count);
        assertThat(bits(values)).isEqualTo(bits(Arrays.copyOfRange(all, first, first + count)));
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }
}
