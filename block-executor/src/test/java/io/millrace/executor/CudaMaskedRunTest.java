package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.adapter.LoraKind;
import io.millrace.executor.config.EvalConfig;
import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.Metric;
import io.millrace.executor.config.TaskConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.run.EvalResult;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.JournalReader;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A published RoBERTa that is asked for label words at a mask, on a card with its kernels as host
 * code: losses of transformers, and runs as on the CPU.
 */
class CudaMaskedRunTest {
    private static final double LOSS_BOUND = 2e-5;
    private static final Path MODEL = Golden.path("roberta-published");
    private static final Path DATA = MODEL.resolve("train.jsonl");
    private static final JsonObject TRACE = Golden.json("roberta-published/trace.json");
    private static final TaskConfig TASK =
            new TaskConfig(
                    Optional.of(TRACE.string("template")),
                    TRACE.array("label_words").stream().map(Object::toString).toList(),
                    OptionalInt.of((int) TRACE.integer("seq_len")),
                    true);

    @TempDir Path temp;
    private HostKit kit;

    @BeforeEach
    void install() {
        kit = HostKit.install();
    }

    @AfterEach
    void uninstall() {
        kit.close();
    }

    private static EvalResult eval(Path data, TaskConfig task, MemoryConfig memory) {
        return Evaluation.run(new EvalConfig(MODEL, data, Metric.ACCURACY, task, 2, memory));
    }

    @Tag("long")
    @Test
    void lossAndAccuracyAreThoseOfTransformers() {
        EvalResult result = eval(DATA, TASK, CudaRuns.onDevice());
        JsonObject before = TRACE.object("before");
        assertThat(result.loss()).isCloseTo(before.number("loss"), within(LOSS_BOUND));
        assertThat(result.accuracy()).isCloseTo(before.number("accuracy"), within(1e-12));
    }

    /** More head rows than there are tokens. */
    @Tag("long")
    @Test
    void asksForMoreWordsThanATextHasTokens() throws IOException {
        Path data =
                Files.writeString(
                        temp.resolve("short.jsonl"),
                        "{\"text\": \"a\", \"label\": 19}\n{\"text\": \"b\", \"label\": 3}\n");
        List<String> letters =
                "abcdefghijklmnopqrstuvwxyz".chars().mapToObj(Character::toString).toList();
        TaskConfig task =
                new TaskConfig(Optional.of("{mask}{text}"), letters, OptionalInt.of(8), true);
        double expected = eval(data, task, MemoryConfig.DEFAULT).loss();
        assertThat(eval(data, task, CudaRuns.onDevice()).loss())
                .isCloseTo(expected, within(LOSS_BOUND));
    }

    @Tag("long")
    @ParameterizedTest
    @CsvSource({"gaussian, full", "low-rank, full", "gaussian, lora"})
    void tunesAsOnTheCpu(String direction, String tune) throws IOException {
        Path onDevice = run(direction, tune, "device", CudaRuns.onDevice());
        List<StepRecord> actual = records(onDevice);
        List<StepRecord> expected = records(run(direction, tune, "cpu", MemoryConfig.DEFAULT));
        for (int step = 0; step < expected.size(); step++) {
            assertThat(actual.get(step).loss())
                    .as("step %d", step + 1)
                    .isCloseTo(expected.get(step).loss(), within(LOSS_BOUND));
        }
        Map<String, byte[]> bytes = Runs.result(onDevice);
        long least =
                Runs.smallestThatWorks(budget ->
                        run(
                                direction,
                                tune,
                                "probe" + budget,
                                CudaRuns.memory(0, budget, 1, true)));
        Path small = run(direction, tune, "small", CudaRuns.memory(0, least, 1, true));
        Runs.assertSame(small, bytes, "small device");
        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(MODEL, onDevice.resolve("journal.jsonl"), rebuilt);
        for (String weights : bytes.keySet()) {
            if (weights.endsWith(".safetensors")) {
                assertThat(rebuilt.resolve(weights))
                        .hasSameBinaryContentAs(onDevice.resolve(weights));
            }
        }
    }

    private Path run(String direction, String tune, String out, MemoryConfig memory) {
        TuneConfigBuilder config =
                TuneConfig.builder(MODEL, DATA, temp.resolve(out))
                        .task(TASK)
                        .batchSize(5)
                        .microBatch(2)
                        .steps(4)
                        .seed(11)
                        .lr(1e-4)
                        .queries(2)
                        .perturbation(direction)
                        .rank(1)
                        .tune(tune)
                        .memory(memory);
        if (tune.equals("lora")) {
            config.method(LoraKind.TARGETS, List.of("query", "value"));
        }
        return TuningRun.run(config.build(), RunListener.SILENT).out();
    }

    private static List<StepRecord> records(Path out) {
        return JournalReader.read(out.resolve("journal.jsonl")).records();
    }
}
