package io.millrace.executor.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.Golden;
import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Recipe;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.ApartWriter;
import io.millrace.model.file.Elements;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.model.quantize.QuantForms;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.option.Settings;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** QZO: the scales of a quantised model are tuned, and its codes are only read. */
class ScalesRunTest {
    private static final String WEIGHTS = "model.safetensors";

    @TempDir Path temp;

    /** A program in float64 that was written from the paper. */
    @ParameterizedTest
    @ValueSource(strings = {"int4", "int8"})
    void twentyStepsAreThoseOfAnotherProgram(String form) throws IOException {
        JsonObject trace = Golden.json("quantised/qzo.json").object(form);
        JsonObject settings = trace.object("settings");
        Path model = quantised(Golden.path("llama"), form, 16);
        Path out = temp.resolve("out");
        double eps = settings.number("eps");
        TuneConfig config =
                TuneConfig.builder(model, batches(), out)
                        .batchSize(2)
                        .shuffle(false)
                        .steps(20)
                        .seed(settings.integer("run_seed"))
                        .lr(settings.number("lr"))
                        .eps(eps)
                        .told(recipe("clip", settings.number("clip")))
                        .build();
        TuningRun.run(config, RunListener.SILENT);

        List<StepRecord> records = JournalReader.read(out.resolve("journal.jsonl")).records();
        List<JsonObject> steps = Golden.objects(trace.array("steps"));
        assertThat(records).hasSameSizeAs(steps);
        for (int step = 0; step < steps.size(); step++) {
            JsonObject expected = steps.get(step);
            List<Double> losses = records.get(step).queries().getFirst().losses();
            assertThat(losses.get(0)).isCloseTo(expected.number("loss_plus"), within(2e-5));
            assertThat(losses.get(1)).isCloseTo(expected.number("loss_minus"), within(2e-5));
            assertThat(records.get(step).queries().getFirst().projectedGrad())
                    .isCloseTo(expected.number("projected_grad"), within(5e-6 / eps));
        }
        try (SafetensorsFile base = SafetensorsFile.open(model.resolve(WEIGHTS));
                SafetensorsFile tuned = SafetensorsFile.open(out.resolve(WEIGHTS))) {
            for (JsonObject scales : Golden.objects(trace.array("final_scales"))) {
                String name = scales.string("name");
                float[] values = scales(tuned, name);
                double sum = 0;
                for (float value : values) {
                    sum += value;
                }
                assertThat(sum).isCloseTo(scales.number("sum"), within(1e-3 * Math.abs(sum)));
                for (int i = 0; i < scales.array("first").size(); i++) {
                    double first = ((Number) scales.array("first").get(i)).doubleValue();
                    assertThat((double) values[i]).isCloseTo(first, within(1e-6 + 1e-3 * first));
                }
                assertThat(values).isNotEqualTo(scales(base, name));
            }
            for (String name : base.tensors().keySet()) {
                if (!name.endsWith(".scales")) {
                    assertThat(bytes(tuned, name)).isEqualTo(bytes(base, name));
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource("int8, qzo")
    void bytesDoNotDependOnWhereBlocksLie(String form, String rule) throws IOException {
        Path made = Runs.model(temp.resolve("made"), "llama", "bfloat16", 8, 192, 512);
        Path model = quantised(made, form, 32);
        Path data = Runs.data(temp, 79, 10);
        Map<String, byte[]> base = Runs.result(model);
        Path memory = run(config(model, data, "memory", rule));
        Map<String, byte[]> expected = Runs.result(memory);
        assertThat(expected.get(WEIGHTS)).isNotEqualTo(base.get(WEIGHTS));
        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, memory.resolve("journal.jsonl"), rebuilt);
        assertThat(rebuilt.resolve(WEIGHTS)).hasBinaryContent(expected.get(WEIGHTS));

        long least =
                Runs.smallestBudget(budget ->
                        config(model, data, "probe" + budget, rule)
                                .memory(Runs.host(DeviceName.CPU, budget)));
        MemoryConfig little = Runs.host(DeviceName.CPU, least);
        Runs.assertSame(temp.resolve("probe" + least), expected, "streamed");
        MemoryConfig emulated = Runs.memory(DeviceName.EMULATED, OptionalLong.empty());
        Runs.assertSame(
                run(config(model, data, "emulated", rule).memory(emulated)), expected, "emulated");

        TuneConfigBuilder cut = config(model, data, "cut", rule).checkpointEvery(2).memory(little);
        assertThatThrownBy(() -> TuningRun.run(cut.build(), Runs.cutAfter(5)))
                .isInstanceOf(Runs.Cut.class);
        assertThat(temp.resolve("cut/blocks")).doesNotExist();
        assertThat(Files.size(temp.resolve("cut/checkpoints/step-4").resolve(ApartWriter.WEIGHTS)))
                .isLessThan(expected.get(WEIGHTS).length / 3);
        Runs.assertSame(run(config(model, data, "cut", rule).resume(true)), expected, "cut");
        Runs.assertSame(model, base, "the base");

        // The saved model has rounded scales: one that goes on is made again from its journal.
        run(config(model, data, "more", rule).steps(4));
        Runs.assertSame(run(config(model, data, "more", rule).resume(true)), expected, "gone on");
    }

    @Tag("long")
    @ParameterizedTest
    @CsvSource("int4, zo-adam")
    void norDoTheyInFewerBits(String form, String rule) throws IOException {
        bytesDoNotDependOnWhereBlocksLie(form, rule);
    }

    @Test
    void whatHasNoScalesIsRefused() throws IOException {
        Path data = Runs.data(temp, 79, 10);
        Path plain = Golden.path("llama");
        assertThatThrownBy(() -> run(config(plain, data, "plain", "qzo")))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--tune")
                .hasMessageContaining("no matrix of the model has scales that can be tuned");
        Path model = quantised(plain, "int8", 16);
        assertThatThrownBy(() -> run(config(model, data, "full", "mezo-sgd").tune("full")))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("is quantised (gptq-int8-g16)")
                .hasMessageContaining("--tune lora")
                .hasMessageContaining("--tune scales");
        assertThatThrownBy(
                        () -> run(config(model, data, "thin", "mezo-sgd").perturbation("low-rank")))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("low-rank is none of scales");
    }

    private TuneConfigBuilder config(Path model, Path data, String out, String rule) {
        return Runs.config(model, data, temp.resolve(out))
                .tune("scales")
                .optimizer(rule)
                .foldEvery(rule.equals("zo-adam") ? 1 : 2)
                .lr(1e-5)
                .eps(1e-4);
    }

    private Path run(TuneConfigBuilder config) {
        return TuningRun.run(config.build(), RunListener.SILENT).out();
    }

    private Path quantised(Path model, String form, int group) {
        Path out = temp.resolve(form);
        Quantization.run(
                new QuantizeConfig(
                        model,
                        QuantForms.find(form).orElseThrow(),
                        group,
                        out,
                        Optional.empty(),
                        Optional.empty(),
                        TaskConfig.DEFAULT,
                        MemoryConfig.DEFAULT),
                _ -> {});
        return out;
    }

    /** The oracle's three batches of two rows. */
    private Path batches() throws IOException {
        List<Object> rows = new ArrayList<>();
        for (int batch = 0; batch < 3; batch++) {
            for (int row = 0; row < 2; row++) {
                List<Object> ids = new ArrayList<>();
                for (int i = 0; i < 16; i++) {
                    ids.add(
                            (long)
                                    (3
                                            + (7 * i * i + 13 * i + 5 * batch + 11 * row * (i % 5))
                                                    % 317));
                }
                rows.add(ids);
            }
        }
        return Golden.writeTokenised(temp.resolve("batches.jsonl"), rows, rows);
    }

    private Settings recipe(String option, double value) throws IOException {
        Path file = temp.resolve("recipe.json");
        Files.writeString(
                file, Json.write(Map.of("tune", "scales", "optimizer", "qzo", option, value)));
        return Recipe.read(file);
    }

    private static byte[] bytes(SafetensorsFile file, String name) {
        byte[] bytes = new byte[(int) file.tensor(name).sizeBytes()];
        file.read(file.tensor(name), MemorySegment.ofArray(bytes));
        return bytes;
    }

    private static float[] scales(SafetensorsFile file, String name) {
        MemorySegment bytes = MemorySegment.ofArray(bytes(file, name));
        float[] values = new float[(int) bytes.byteSize() / 2];
        for (int i = 0; i < values.length; i++) {
            values[i] = Elements.get(bytes, DType.F16, i);
        }
        return values;
    }
}
