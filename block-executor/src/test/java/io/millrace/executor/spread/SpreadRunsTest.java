package io.millrace.executor.spread;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.Runs;
import io.millrace.executor.TuningRun;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.config.data.Parallel;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.run.RunSummary;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** However many workers take a run's steps, it is the run of one, byte for byte. */
class SpreadRunsTest {
    @TempDir Path temp;
    private Path data;

    @BeforeEach
    void write() throws IOException {
        data = Runs.data(temp, 91, 10);
    }

    private TuneConfigBuilder mezo(Path out) {
        return Runs.config("llama", data, out).microBatch(1).steps(4);
    }

    /** The folder of a worker. */
    private Path folder(String name, int rank) {
        return temp.resolve(name).resolve("worker-" + rank);
    }

    private void requireDone(List<PeersInProcess.End<RunSummary>> ends) {
        for (PeersInProcess.End<RunSummary> end : ends) {
            assertThat(end.failure()).isNull();
        }
    }

    private void requireSame(
            String name, int workers, Parallel mode, Function<Path, TuneConfigBuilder> run)
            throws IOException {
        Path alone = temp.resolve("alone");
        if (!Files.exists(alone)) {
            TuningRun.run(run.apply(alone).build(), RunListener.SILENT);
        }
        Map<String, byte[]> expected = Runs.result(alone);
        requireDone(
                PeersInProcess.run(
                        workers,
                        peers ->
                                TuningRun.run(
                                        run.apply(folder(name, peers.rank()))
                                                .parallel(mode)
                                                .build(),
                                        RunListener.SILENT,
                                        peers)));
        Runs.assertSame(folder(name, 0), expected, name);
        for (int rank = 1; rank < workers; rank++) {
            assertThat(Files.readAllBytes(folder(name, rank).resolve("journal.jsonl")))
                    .isEqualTo(expected.get("journal.jsonl"));
            assertThat(folder(name, rank).resolve("model.safetensors")).doesNotExist();
        }
    }

    @Test
    void everyModeIsTheRunOfOne() throws IOException {
        for (Parallel mode : Parallel.values()) {
            requireSame(mode.label(), 3, mode, this::mezo);
        }
    }
}
