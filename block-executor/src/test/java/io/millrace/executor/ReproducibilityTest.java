package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cpu.op.Gemm;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.run.RunSummary;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.JournalReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The same model, data, seed and options make the same bytes, however a run goes. */
class ReproducibilityTest {
    @TempDir Path temp;

    @ParameterizedTest
    @CsvSource({
        "llama, float32, 1, 0, NATIVE",
        "llama, bfloat16, 1, 2, NATIVE",
        "llama-headdim, bfloat16, 3, 2, NATIVE",
        "opt, float32, 3, 3, NATIVE",
        "opt-350m, float16, 1, 0, NATIVE",
        "gpt2, bfloat16, 2, 3, NATIVE",
        "llama, float32, 3, 2, BF16",
        "opt-350m, float16, 1, 0, BF16",
        "gpt2, bfloat16, 2, 3, BF16"
    })
    void twoRunsAStoppedAndResumedRunAndAReplayMakeTheSameBytes(
            String model, String dtype, int foldEvery, int checkpointEvery, Matmul matmul)
            throws IOException {
        assumeTrue(matmul == Matmul.NATIVE || Gemm.multipliesBFloat16());
        Path data = Runs.data(temp, 11, 10);
        DType stored = DType.find(dtype).orElseThrow();
        Path first = temp.resolve("first");
        TuningRun.run(
                Runs.config(model, data, first)
                        .dtype(stored)
                        .foldEvery(foldEvery)
                        .matmul(matmul)
                        .build(),
                RunListener.SILENT);
        Map<String, byte[]> expected = Runs.result(first);
        assertThat(expected).containsKeys("model.safetensors", "journal.jsonl", "config.json");

        Path second = temp.resolve("second");
        TuneConfigBuilder again =
                Runs.config(model, data, second).dtype(stored).foldEvery(foldEvery).matmul(matmul);
        again.checkpointEvery(checkpointEvery);
        RunSummary stopped = TuningRun.run(again.build(), Runs.stopAfter(4));
        assertThat(stopped.interrupted()).isTrue();
        assertThat(Files.exists(second.resolve("model.safetensors"))).isFalse();
        RunSummary resumed = TuningRun.run(again.resume(true).build(), RunListener.SILENT);
        assertThat(resumed.interrupted()).isFalse();
        assertSame(Runs.result(second), expected);

        Path replayed = temp.resolve("replayed");
        Replay.run(Golden.path(model), first.resolve("journal.jsonl"), replayed);
        assertThat(Files.readAllBytes(replayed.resolve("model.safetensors")))
                .isEqualTo(expected.get("model.safetensors"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "opt", "gpt2"})
    void aFloat32RunDoesNotDependOnHowOftenItFolds(String model) throws IOException {
        Path data = Runs.data(temp, 12, 10);
        byte[] expected = weights(Runs.config(model, data, temp.resolve("every")).foldEvery(1));
        assertThat(weights(Runs.config(model, data, temp.resolve("third")).foldEvery(3)))
                .isEqualTo(expected);
        assertThat(weights(Runs.config(model, data, temp.resolve("never")).foldEvery(100)))
                .isEqualTo(expected);
    }

    @Test
    void microBatchesChangeLossesByRoundingOnly() throws IOException {
        Path data = Runs.data(temp, 13, 10);
        List<StepRecord> whole = journal(Runs.config("llama", data, temp.resolve("whole")));
        for (int microBatch : new int[] {1, 2, 3}) {
            Path out = temp.resolve("micro-" + microBatch);
            List<StepRecord> cut = journal(Runs.config("llama", data, out).microBatch(microBatch));
            for (int step = 0; step < whole.size(); step++) {
                for (int query = 0; query < 2; query++) {
                    assertThat(cut.get(step).queries().get(query).losses().get(0))
                            .isEqualTo(
                                    whole.get(step).queries().get(query).losses().get(0),
                                    within(1e-6));
                }
            }
        }
    }

    @Test
    void anEvaluationOnTheWayChangesNothing() throws IOException {
        Path data = Runs.data(temp, 14, 10);
        TuneConfigBuilder plain =
                Runs.config("qwen3", data, temp.resolve("plain")).dtype(DType.BF16).foldEvery(3);
        TuneConfigBuilder watched =
                Runs.config("qwen3", data, temp.resolve("watched")).dtype(DType.BF16).foldEvery(3);
        assertThat(weights(watched.eval(data).evalEvery(2))).isEqualTo(weights(plain));
    }

    private byte[] weights(TuneConfigBuilder config) throws IOException {
        Path out = TuningRun.run(config.build(), RunListener.SILENT).out();
        return Files.readAllBytes(out.resolve("model.safetensors"));
    }

    private List<StepRecord> journal(TuneConfigBuilder config) {
        Path out = TuningRun.run(config.build(), RunListener.SILENT).out();
        return JournalReader.read(out.resolve("journal.jsonl")).records();
    }

    private static void assertSame(Map<String, byte[]> actual, Map<String, byte[]> expected) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, bytes) -> assertThat(actual.get(name)).as(name).isEqualTo(bytes));
    }
}
