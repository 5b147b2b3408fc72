package io.millrace.executor.quantized;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.Golden;
import io.millrace.executor.GradientCheck;
import io.millrace.executor.Runs;
import io.millrace.executor.TakenGradients;
import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.config.ArithmeticConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.memory.DType;
import io.millrace.model.config.ModelConfig;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.file.SafetensorsWriter;
import io.millrace.model.synthetic.SyntheticModel;
import io.millrace.optim.gradient.rule.Lomo;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Gradients over what is stored in other formats than float32 are those over the floats that it
 * stands for: products of the way back are made on these, whatever is stored.
 */
class PackedGradientsTest {
    // A panel is formed before its product, in place of one that is read where it lies: sums of a
    // few hundred terms in another order are off by parts of 2^-24 each.
    private static final double BOUND = 1e-6;

    // Of slopes by two forwards: differences of losses about 6, whose float32 logits are good to
    // 1e-7 or so, over 2e-3, against gradients about 1.
    private static final double SLOPE_BOUND = 1e-2;

    @TempDir Path temp;

    static Stream<Arguments> formats() {
        return PackedModelTest.formats();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("formats")
    void ofAnAdapterOverPackedMatrices(
            String name, PackedModels.Packing packing, Map<String, Object> fields)
            throws IOException {
        PackedModels.Pair pair = PackedModels.write(temp, "llama", packing, fields);
        assertSame(pair.packed(), pair.plain(), "lora");
    }

    @Test
    void ofAnAdapterOverAFileOfLlamaCpp() throws IOException {
        Path model = Golden.path("gguf");
        Path file;
        try (Stream<Path> files = Files.list(model)) {
            file = files.filter(one -> one.toString().endsWith(".gguf")).findFirst().orElseThrow();
        }
        assertSame(model, PackedModels.plain(temp.resolve("plain"), file), "lora");
    }

    @ParameterizedTest
    @ValueSource(strings = {"bfloat16", "float16"})
    void ofMatricesInSixteenBits(String dtype) throws IOException {
        Path model = Runs.model(temp.resolve("model"), "llama", dtype, 2, 32, 64);
        Path plain = plain(model);
        for (String tune : List.of("full", "lora")) {
            assertSame(model, plain, tune);
            GradientCheck.Result slopes =
                    GradientCheck.run(
                            new GradientCheck.Asked(
                                    model,
                                    config(model, tune),
                                    MemoryConfig.DEFAULT,
                                    3,
                                    11,
                                    4,
                                    1e-3));
            assertThat(slopes.worst()).as(tune + slopes).isLessThan(SLOPE_BOUND);
        }
    }

    /** A matrix of more elements than are formed at once, stored either way round. */
    @ParameterizedTest
    @ValueSource(strings = {"llama", "gpt2"})
    void ofMatricesThatAreFormedInPieces(String kind) throws IOException {
        Map<String, Object> fields =
                new LinkedHashMap<>(Golden.json(kind + "/config.json").fields());
        if (kind.equals("llama")) {
            fields.put("num_hidden_layers", 1L);
            fields.put("vocab_size", 70_000L);
        } else {
            fields.put("n_layer", 1L);
            fields.put("n_embd", 1056L);
            fields.put("n_inner", 4224L);
        }
        Path model = temp.resolve("model");
        SyntheticModel.write(
                ModelConfig.of("config.json", new JsonObject(fields)),
                DType.BF16,
                7,
                model,
                _ -> {});
        assertSame(model, plain(model), "full");
    }

    /** The same numbers in float32. */
    private Path plain(Path model) throws IOException {
        Path plain = Files.createDirectory(temp.resolve("plain"));
        Files.copy(model.resolve("config.json"), plain.resolve("config.json"));
        try (SafetensorsFile stored = SafetensorsFile.open(model.resolve("model.safetensors"))) {
            List<SafetensorsWriter.Entry> entries =
                    stored.tensors().values().stream()
                            .map(one ->
                                    new SafetensorsWriter.Entry(one.name(), DType.F32, one.shape()))
                            .toList();
            try (SafetensorsWriter writer =
                    SafetensorsWriter.create(
                            plain.resolve("model.safetensors"),
                            SafetensorsWriter.PT_METADATA,
                            entries)) {
                for (SafetensorsWriter.Entry entry : entries) {
                    writer.write(entry.name(), stored.readFloats(entry.name()));
                }
                writer.commit();
            }
        }
        return plain;
    }

    private void assertSame(Path stored, Path plain, String tune) {
        TakenGradients expected = take(plain, tune);
        assertThat(expected.norm()).isGreaterThan(1e-3);
        take(stored, tune).assertSame(expected, BOUND);
    }

    private TakenGradients take(Path model, String tune) {
        return TakenGradients.of(
                model,
                config(model, tune),
                MemoryConfig.DEFAULT,
                _ -> TakenGradients.decoderBatches(60));
    }

    private ArithmeticConfig config(Path model, String tune) {
        var run =
                TuneConfig.builder(model, temp.resolve("data.jsonl"), temp.resolve("out"))
                        .optimizer(Lomo.NAME)
                        .tune(tune);
        if (tune.equals("lora")) {
            run.method(LoraKind.TARGETS, List.of("all-linear"));
        }
        return run.build().arithmetic();
    }
}
