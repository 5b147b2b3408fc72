package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.RunListener;
import io.millrace.executor.config.Seeds;
import io.millrace.executor.config.TuneConfig;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.optim.estimate.QueryResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.JournalReader;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole tuning runs against PyTorch's: losses, slopes and final weights. */
class GoldenTraceTest {
    // Five to ten times what rounding alone moves; data/README gives the measured differences.
    private static final double LOSS_BOUND = 1e-5;
    private static final double SLOPE_BOUND = 4e-3;
    private static final double WEIGHT_BOUND = 1.5e-5;

    @TempDir Path temp;

    static Stream<String> folders() {
        return Golden.FOLDERS.stream();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "gaussian-wd0",
                "gaussian-wd0.1",
                "gaussian-wd0-q4",
                "rademacher-wd0",
                "rademacher-wd0.1",
                "rademacher-wd0.1-q3"
            })
    void reproducesTheTraceOfARealModel(String name) throws IOException {
        assumeTrue(runs(name), "left to a card: as host code it takes long");
        JsonObject trace = Golden.json("mezo-trace/trace-" + name + ".json");
        List<Object> ids = new ArrayList<>();
        List<Object> labels = new ArrayList<>();
        for (JsonObject batch :
                Golden.objects(Golden.json("mezo-trace/batches.json").array("batches"))) {
            ids.addAll(batch.array("input_ids"));
            labels.addAll(batch.array("labels"));
        }
        Path data = Golden.writeTokenised(temp.resolve("train.jsonl"), ids, labels);
        List<JsonObject> weights = Golden.objects(trace.array("final_weights"));
        check(
                "stories260k",
                data,
                4,
                trace.object("settings"),
                Golden.objects(trace.array("steps")),
                weights,
                weights);
    }

    @ParameterizedTest
    @MethodSource("folders")
    void reproducesTheTracesOfEveryArchitecture(String name) throws IOException {
        JsonObject golden = Golden.json(name + "/mezo.json");
        Path data = Golden.writeBatch(name, temp.resolve("train.jsonl"));
        List<JsonObject> tensors = Golden.objects(golden.array("trainable_tensors"));
        for (String run : List.of("gaussian", "rademacher")) {
            JsonObject trace = golden.object(run);
            List<JsonObject> weights =
                    tensors.stream().map(tensor -> tensor.object("final_" + run)).toList();
            check(
                    name,
                    data,
                    2,
                    trace.object("settings"),
                    Golden.objects(trace.array("steps")),
                    tensors,
                    weights);
        }
    }

    /** Whether a trace of the real model is run. */
    boolean runs(String trace) {
        return true;
    }

    /** Where it is computed. */
    MemoryConfig memory() {
        return MemoryConfig.DEFAULT;
    }

    private void check(
            String model,
            Path data,
            int batchSize,
            JsonObject settings,
            List<JsonObject> steps,
            List<JsonObject> tensors,
            List<JsonObject> weights)
            throws IOException {
        Path out = temp.resolve("out-" + settings.string("distribution"));
        TuneConfig config =
                TuneConfig.builder(Golden.path(model), data, out)
                        .batchSize(batchSize)
                        .shuffle(false)
                        .steps(settings.integer("steps"))
                        .seed(Seeds.parse(settings.string("run_seed")))
                        .lr(settings.number("lr"))
                        .eps(settings.number("eps"))
                        .weightDecay(settings.number("weight_decay"))
                        .perturbation(settings.string("distribution"))
                        .queries((int) settings.integer("queries"))
                        .memory(memory())
                        .build();
        TuningRun.run(config, RunListener.SILENT);
        List<StepRecord> records = JournalReader.read(out.resolve("journal.jsonl")).records();
        assertThat(records).hasSameSizeAs(steps);
        for (int step = 0; step < records.size(); step++) {
            checkStep(records.get(step), steps.get(step));
        }
        try (SafetensorsFile tuned = SafetensorsFile.open(out.resolve("model.safetensors"))) {
            for (int tensor = 0; tensor < tensors.size(); tensor++) {
                checkWeights(tuned, tensors.get(tensor).string("name"), weights.get(tensor));
            }
        }
    }

    private static void checkStep(StepRecord record, JsonObject expected) {
        assertThat(record.seed()).isEqualTo(Seeds.parse(expected.string("seed")));
        List<JsonObject> queries =
                expected.has("queries")
                        ? Golden.objects(expected.array("queries"))
                        : List.of(expected);
        assertThat(record.queries()).hasSameSizeAs(queries);
        for (int index = 0; index < queries.size(); index++) {
            QueryResult actual = record.queries().get(index);
            JsonObject query = queries.get(index);
            String place = "step " + record.step() + " query " + index;
            assertThat(actual.seed()).as(place).isEqualTo(Seeds.parse(query.string("seed")));
            assertThat(actual.losses().get(0))
                    .as(place)
                    .isEqualTo(query.number("loss_plus"), within(LOSS_BOUND));
            assertThat(actual.losses().get(1))
                    .as(place)
                    .isEqualTo(query.number("loss_minus"), within(LOSS_BOUND));
            assertThat(actual.projectedGrad())
                    .as(place)
                    .isEqualTo(query.number("projected_grad"), within(SLOPE_BOUND));
        }
    }

    private static void checkWeights(SafetensorsFile tuned, String name, JsonObject expected) {
        float[] values = tuned.readFloats(name);
        double sum = 0;
        double squares = 0;
        for (float value : values) {
            sum += value;
            squares += (double) value * value;
        }
        assertThat(sum)
                .as("sum of %s", name)
                .isEqualTo(expected.number("sum"), within(WEIGHT_BOUND * values.length));
        assertThat(Math.sqrt(squares))
                .as("norm of %s", name)
                .isEqualTo(
                        expected.number("norm"), within(WEIGHT_BOUND * Math.sqrt(values.length)));
        checkElements(values, 0, expected.array("first"), name);
        int last = expected.array("last").size();
        checkElements(values, values.length - last, expected.array("last"), name);
    }

    private static void checkElements(float[] values, int from, List<?> expected, String name) {
        for (int index = 0; index < expected.size(); index++) {
            assertThat((double) values[from + index])
                    .as("element %d of %s", from + index, name)
                    .isEqualTo(((Number) expected.get(index)).doubleValue(), within(WEIGHT_BOUND));
        }
    }
}
