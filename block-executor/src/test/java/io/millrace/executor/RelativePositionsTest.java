package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.Seeds;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.file.SafetensorsFile;
import io.millrace.optim.journal.JournalReader;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A model whose layers all read one table of relative positions, which the embedding owns and
 * carries to them: steps are those of PyTorch in float64, and bytes the same wherever blocks lie.
 */
class RelativePositionsTest {
    private static final JsonObject TRACE = Golden.json("deberta-trace.json");
    private static final String TABLE = "deberta.encoder.rel_embeddings.weight";

    @TempDir Path temp;

    private Path model;
    private Path data;

    @BeforeEach
    void writeModelAndData() throws IOException {
        model = Files.createDirectory(temp.resolve("model"));
        DecodersTest.writeModel(model, Golden.json("encoders/deberta-v3.json"));
        data =
                Golden.writeTokenised(
                        temp.resolve("train.jsonl"),
                        TRACE.array("input_ids"),
                        TRACE.array("labels"));
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 1})
    void reproducesTheTrace(int microBatch) {
        JsonObject settings = TRACE.object("settings");
        Path out = temp.resolve("out");
        TuningRun.run(
                TuneConfig.builder(model, data, out)
                        .batchSize((int) settings.integer("batch_size"))
                        .microBatch(microBatch)
                        .shuffle(false)
                        .steps(settings.integer("steps"))
                        .seed(Seeds.parse(settings.string("run_seed")))
                        .lr(settings.number("lr"))
                        .eps(settings.number("eps"))
                        .weightDecay(settings.number("weight_decay"))
                        .build(),
                RunListener.SILENT);
        TraceCheck check = TraceCheck.of(TRACE.object("bounds"));
        check.steps(
                JournalReader.read(out.resolve("journal.jsonl")).records(),
                Golden.objects(TRACE.array("steps")));
        try (SafetensorsFile tuned = SafetensorsFile.open(out.resolve("model.safetensors"))) {
            for (JsonObject tensor : Golden.objects(TRACE.array("final_weights"))) {
                check.weights(tuned, tensor.string("name"), tensor);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "gaussian, two-sided, full",
        "low-rank, two-sided, full",
        "rademacher, one-sided, full",
        "gaussian, two-sided, lora"
    })
    void makesTheSameBytesEverywhere(String direction, String estimator, String tune)
            throws IOException {
        Map<String, byte[]> expected =
                Runs.result(run(direction, estimator, tune, "memory", MemoryConfig.DEFAULT));
        long least =
                Runs.smallestBudget(budget ->
                        config(
                                direction,
                                estimator,
                                tune,
                                "probe" + budget,
                                Runs.host(DeviceName.CPU, budget)));
        MemoryConfig small = Runs.host(DeviceName.CPU, least);
        Runs.assertSame(run(direction, estimator, tune, "small", small), expected, "streamed");
        MemoryConfig emulated = Runs.memory(DeviceName.EMULATED, OptionalLong.empty());
        Runs.assertSame(
                run(direction, estimator, tune, "emulated", emulated), expected, "emulated");
        TuneConfigBuilder stopped = config(direction, estimator, tune, "resumed", small);
        TuningRun.run(stopped.build(), Runs.stopAfter(2));
        TuneConfigBuilder goesOn =
                config(direction, estimator, tune, "resumed", MemoryConfig.DEFAULT);
        Runs.assertSame(
                TuningRun.run(goesOn.resume(true).build(), RunListener.SILENT).out(),
                expected,
                "resumed");
    }

    /** Of a table that is trained as all else. */
    @Test
    void theTableIsTrainedAndRebuilt() throws IOException {
        Path out = run("gaussian", "two-sided", "full", "out", MemoryConfig.DEFAULT);
        try (SafetensorsFile begun = SafetensorsFile.open(model.resolve("model.safetensors"));
                SafetensorsFile tuned = SafetensorsFile.open(out.resolve("model.safetensors"))) {
            assertThat(tuned.readFloats(TABLE)).isNotEqualTo(begun.readFloats(TABLE));
        }
        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, out.resolve("journal.jsonl"), rebuilt);
        assertThat(rebuilt.resolve("model.safetensors"))
                .hasSameBinaryContentAs(out.resolve("model.safetensors"));
    }

    /** While no block had a part in a step, one scale is computed for all: its rows are theirs. */
    @Test
    void aTableThatIsNotTrainedIsTheSameForEveryScale() {
        Path out = run("gaussian", "two-sided", "lora", "out", MemoryConfig.DEFAULT);
        double base =
                Evaluation.run(
                                new EvalConfig(
                                        model,
                                        data,
                                        Metric.LOSS,
                                        TaskConfig.DEFAULT,
                                        2,
                                        MemoryConfig.DEFAULT))
                        .loss();
        JournalReader.read(out.resolve("journal.jsonl")).records().getFirst().queries().stream()
                .flatMap(query -> query.losses().stream())
                .forEach(loss -> assertThat(loss).isCloseTo(base, within(1e-2)));
    }

    private TuneConfigBuilder config(
            String direction, String estimator, String tune, String out, MemoryConfig memory) {
        TuneConfigBuilder run =
                TuneConfig.builder(model, data, temp.resolve(out))
                        .batchSize(4)
                        .microBatch(2)
                        .steps(4)
                        .seed(11)
                        .lr(1e-3)
                        .eps(1e-3)
                        .queries(2)
                        .perturbation(direction)
                        .rank(1)
                        .estimator(estimator)
                        .tune(tune)
                        .memory(memory);
        return tune.equals("lora")
                ? run.method(LoraKind.TARGETS, List.of("query_proj", "key_proj"))
                : run;
    }

    private Path run(
            String direction, String estimator, String tune, String out, MemoryConfig memory) {
        return TuningRun.run(
                        config(direction, estimator, tune, out, memory).build(), RunListener.SILENT)
                .out();
    }
}
