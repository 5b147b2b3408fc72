package io.millrace.model.adapter.peft;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.file.DurableFiles;
import io.millrace.model.Checkpoint;
import io.millrace.model.TestModels;
import io.millrace.model.adapter.AdapterWriter;
import io.millrace.model.adapter.LoraConfig;
import io.millrace.model.adapter.LoraPart;
import io.millrace.model.adapter.LoraTargets;
import io.millrace.model.adapter.LowRankProduct;
import io.millrace.model.adapter.TallMatrix;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.TensorInfo;
import io.millrace.model.file.TorchArchive;
import io.millrace.model.file.pickle.PickleBytes;
import io.millrace.telemetry.json.Json;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the exporter writes is read back as it was, at any scale and in any pieces. */
@ExtendWith(SeedExtension.class)
class LoraAdapterTest {
    @TempDir Path temp;

    @ParameterizedTest
    @CsvSource({
        "golden/gpt2-hubnames, h.0.attn.c_attn.weight, transformer.h.0.attn.c_attn, 3",
        "golden/gpt2-hubnames, h.1.mlp.c_proj.weight, transformer.h.1.mlp.c_proj, 5",
        "stories260k-sharded, model.layers.1.mlp.down_proj.weight, model.layers.1.mlp.down_proj, 4"
    })
    void whatIsWrittenIsReadBack(
            String model, String tensor, String module, int rank, @Seed long seed)
            throws IOException {
        try (Arena arena = Arena.ofConfined();
                Checkpoint base = Checkpoint.open(TestModels.resource(model))) {
            LoraTargets targets = LoraTargets.of(base);
            List<Long> shape = base.tensors().get(tensor).shape();
            int rows = Math.toIntExact(shape.getFirst());
            int columns = Math.toIntExact(shape.getLast());
            LoraPart part = new LoraPart(targets.target(tensor), rows, columns, rank);
            SplittableRandom random = new SplittableRandom(seed);
            LowRankProduct change =
                    new LowRankProduct(
                            factor(arena, rows, rank, random),
                            factor(arena, columns, rank, random));
            Path folder = temp.resolve("adapter");
            LoraConfig config = LoraConfig.of(model, List.of(part), targets);
            try (AdapterWriter writer =
                    AdapterWriter.create(DurableFiles.system(), folder, config, Map.of())) {
                writer.write(part, change);
                writer.commit();
            }
            check(folder, base, part, change, 1, random);
            pickle(folder);
            check(folder, base, part, change, 1, random);
            edit(folder, "lora_alpha", 2.5 * rank);
            check(folder, base, part, change, 2.5, random);
            edit(folder, "use_rslora", true);
            check(folder, base, part, change, 2.5 * rank / Math.sqrt(rank), random);
            edit(folder, "alpha_pattern", Map.of(module.substring(module.indexOf('.') + 1), 1L));
            check(folder, base, part, change, 1 / Math.sqrt(rank), random);
        }
    }

    private static TallMatrix factor(Arena arena, int rows, int rank, SplittableRandom random) {
        TallMatrix factor =
                new TallMatrix(arena.allocate((long) rows * rank * Float.BYTES, 64), rows, rank);
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < rank; column++) {
                factor.set(row, column, (float) random.nextGaussian());
            }
        }
        return factor;
    }

    /** As earlier versions of PEFT saved it. */
    private static void pickle(Path folder) throws IOException {
        Path weights = folder.resolve(AdapterWriter.WEIGHTS);
        PickleBytes dict = PickleBytes.dict();
        TorchArchive archive = new TorchArchive();
        try (SafetensorsFile file = SafetensorsFile.open(weights)) {
            int key = 0;
            for (TensorInfo tensor : file.tensors().values()) {
                byte[] bytes = new byte[Math.toIntExact(tensor.sizeBytes())];
                file.read(tensor, MemorySegment.ofArray(bytes));
                long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
                String storage = Integer.toString(key++);
                dict.tensor(
                        tensor.name(), "FloatStorage", storage, tensor.elementCount(), 0, shape);
                archive.storage(storage, bytes);
            }
        }
        archive.pickle(dict.endDict()).write(folder.resolve("adapter_model.bin"));
        Files.delete(weights);
    }

    private static void edit(Path folder, String field, Object value) throws IOException {
        Path file = folder.resolve(AdapterWriter.CONFIG);
        Map<String, Object> fields =
                new LinkedHashMap<>(Json.parseObject(Files.readString(file)).fields());
        fields.put(field, value);
        Files.writeString(file, Json.write(fields));
    }

    private static void check(
            Path folder,
            Checkpoint base,
            LoraPart part,
            LowRankProduct change,
            double scale,
            SplittableRandom random) {
        try (LoraAdapter adapter = LoraAdapter.open(folder, base)) {
            assertThat(adapter.parts()).hasSize(1);
            AdapterPart read = adapter.find(part.target().tensor()).orElseThrow();
            assertThat(read.part()).isEqualTo(part);
            assertThat(read.scale()).isEqualTo(scale);
            float[] whole = new float[Math.toIntExact(part.rows() * part.columns())];
            for (int i = 0; i < whole.length; i++) {
                whole[i] = (float) random.nextGaussian();
            }
            float[] expected = whole.clone();
            int columns = Math.toIntExact(part.columns());
            for (int i = 0; i < whole.length; i++) {
                double sum = 0;
                for (int k = 0; k < part.rank(); k++) {
                    sum +=
                            (double) change.left().get(i / columns, k)
                                    * change.right().get(i % columns, k);
                }
                expected[i] = (float) (expected[i] + scale * sum);
            }
            FactorProduct small =
                    new FactorProduct(adapter, read, 7 * part.rank(), 3 * part.rank());
            for (FactorProduct product : List.of(new FactorProduct(adapter, read), small)) {
                assertThat(inPieces(product, whole, random)).isEqualTo(expected);
            }
        }
    }

    /** The whole matrix in ranges that begin and end anywhere. */
    private static float[] inPieces(FactorProduct product, float[] whole, SplittableRandom random) {
        float[] result = new float[whole.length];
        List<Integer> cuts = new ArrayList<>(List.of(0, whole.length));
        random.ints(20, 0, whole.length).forEach(cuts::add);
        List<Integer> sorted = cuts.stream().sorted().distinct().toList();
        for (int i = 0; i + 1 < sorted.size(); i++) {
            int count = sorted.get(i + 1) - sorted.get(i);
            float[] values = new float[count];
            System.arraycopy(whole, sorted.get(i), values, 0, count);
            product.addTo(values, sorted.get(i), count);
            System.arraycopy(values, 0, result, sorted.get(i), count);
        }
        return result;
    }
}
