package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.listen.RunListener;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.objective.Objectives;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Objectives without a gradient on a card, with its kernels as host code: the CPU's values. */
class CudaObjectivesTest {
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

    @Tag("long")
    @Test
    void accuracyIsTheCpus() throws IOException {
        Path data = Reviews.labelled(temp, 4);
        check(memory ->
                Reviews.accuracy(data, temp.resolve("out" + memory.hashCode()), memory).steps(1));
    }

    @Test
    void answersAreTheCpus() throws IOException {
        Path data = Reviews.prompts(temp, 3);
        check(memory ->
                Reviews.f1(data, temp.resolve("out" + memory.hashCode()), memory)
                        .steps(1)
                        .queries(1)
                        .batchSize(3)
                        .microBatch(2)
                        .method(Objectives.MAX_NEW_TOKENS, 3));
    }

    /** Values are shares of a few examples: what rounding moves does not reach them. */
    private static void check(Function<MemoryConfig, TuneConfigBuilder> run) throws IOException {
        Path onCpu = run(run, MemoryConfig.DEFAULT);
        Path onDevice = run(run, CudaRuns.onDevice());
        assertThat(JournalReader.read(onDevice.resolve("journal.jsonl")).records())
                .isEqualTo(JournalReader.read(onCpu.resolve("journal.jsonl")).records())
                .anyMatch(record -> !record.isFlat());
        long least =
                Runs.smallestThatWorks(budget -> run(run, CudaRuns.memory(0, budget, 1, true)));
        Path small = run.apply(CudaRuns.memory(0, least, 1, true)).build().output().out();
        Runs.assertSame(small, Runs.result(onDevice), "small device");
    }

    private static Path run(Function<MemoryConfig, TuneConfigBuilder> run, MemoryConfig memory) {
        return TuningRun.run(run.apply(memory).build(), RunListener.SILENT).out();
    }
}
