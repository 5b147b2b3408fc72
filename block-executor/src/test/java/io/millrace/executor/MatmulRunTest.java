package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.RunListener;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cuda.HostKit;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.optim.Journal;
import io.millrace.optim.JournalReader;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What products compute on is a part of a run that it keeps. */
final class MatmulRunTest {
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

    private TuneConfigBuilder config(String golden, String name) throws IOException {
        return Runs.config(golden, Runs.data(temp, 41, 10), temp.resolve(name))
                .memory(CudaRuns.onDevice())
                .steps(3);
    }

    private Path run(TuneConfigBuilder config) {
        return TuningRun.run(config.build(), RunListener.SILENT).out();
    }

    private static Journal journal(Path out) {
        return JournalReader.read(out.resolve("journal.jsonl"));
    }

    private static double firstLoss(Path out) {
        return journal(out).records().getFirst().queries().getFirst().lossPlus();
    }

    @Test
    void changesLossesALittleAndStandsInTheJournal() throws IOException {
        Path plain = run(config("opt", "plain"));
        Path tf32 = run(config("opt", "tf32").matmul(Matmul.TF32));
        assertThat(firstLoss(tf32)).isNotEqualTo(firstLoss(plain));
        assertThat(Math.abs(firstLoss(tf32) - firstLoss(plain))).isLessThan(2e-3);
        assertThat(journal(tf32).header().extra()).containsEntry("matmul", "tf32");
        assertThat(journal(plain).header().extra()).doesNotContainKey("matmul");
    }

    @Test
    void aRunGoesOnWithItsOwnChoiceAlone() throws IOException {
        Path tf32 = run(config("opt", "tf32").matmul(Matmul.TF32));
        Path plain = run(config("opt", "plain"));
        assertThatThrownBy(() -> run(config("opt", "tf32").steps(5).resume(true)))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("field 'matmul' is tf32, and this run has native");
        assertThatThrownBy(
                        () -> run(config("opt", "plain").steps(5).matmul(Matmul.TF32).resume(true)))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("field 'matmul' is native, and this run has tf32");
        run(config("opt", "tf32").steps(5).matmul(Matmul.TF32).resume(true));
        Path whole = run(config("opt", "whole").steps(5).matmul(Matmul.TF32));
        assertThat(Runs.result(tf32)).containsExactlyEntriesOf(Runs.result(whole));
        assertThat(plain).isDirectory();
    }

    @Test
    void replayNeedsNoCardAndMakesTheSameWeights() throws IOException {
        Path tf32 = run(config("opt", "tf32").matmul(Matmul.TF32));
        Path replayed = temp.resolve("replayed");
        Replay.run(Golden.path("opt"), tf32.resolve("journal.jsonl"), replayed);
        assertThat(Runs.result(replayed).get("model.safetensors"))
                .isEqualTo(Runs.result(tf32).get("model.safetensors"));
    }

    @Test
    void tf32IsRefusedForMatricesOfSixteenBits() throws IOException {
        TuneConfigBuilder config = config("opt", "refused").dtype(DType.BF16).matmul(Matmul.TF32);
        assertThatThrownBy(() -> run(config))
                .isInstanceOf(BadInputException.class)
                .hasMessageContainingAll("--matmul", "bfloat16", "--dtype float32");
        assertThat(temp.resolve("refused")).doesNotExist();
    }
}
