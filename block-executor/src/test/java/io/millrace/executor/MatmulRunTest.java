package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.RunListener;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cuda.CudaPanels;
import io.millrace.executor.cuda.HostKit;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.cuda.HostCudaOptions;
import io.millrace.optim.Journal;
import io.millrace.optim.JournalReader;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

    @ParameterizedTest
    @CsvSource({"opt, float32, gaussian", "llama, bfloat16, gaussian", "llama, bfloat16, low-rank"})
    void fp8ChangesLossesMoreAndStandsInTheJournal(String golden, String dtype, String perturbation)
            throws IOException {
        TuneConfigBuilder plain = config(golden, "plain").dtype(dtype(dtype));
        TuneConfigBuilder fp8 = config(golden, "fp8").dtype(dtype(dtype)).matmul(Matmul.FP8);
        double native0 = firstLoss(run(plain.perturbation(perturbation)));
        assertThat(quantized()).isZero();
        Path out = run(fp8.perturbation(perturbation));
        assertThat(quantized()).isPositive();
        assertThat(firstLoss(out)).isNotEqualTo(native0);
        assertThat(Math.abs(firstLoss(out) - native0)).isLessThan(5e-2);
        assertThat(journal(out).header().extra()).containsEntry("matmul", "fp8");
    }

    /** A usual ε is lost in the rounding: what survives is said in docs/gpu.md. */
    @ParameterizedTest
    @CsvSource({"gaussian", "low-rank"})
    void fp8SlopesFollowNativeOnesWhereEpsIsLarge(String perturbation) throws IOException {
        double[] exact = slopes(perturbation, Matmul.NATIVE);
        double[] rounded = slopes(perturbation, Matmul.FP8);
        double exactSquares = 0;
        double roundedSquares = 0;
        double products = 0;
        for (int i = 0; i < exact.length; i++) {
            exactSquares += exact[i] * exact[i];
            roundedSquares += rounded[i] * rounded[i];
            products += exact[i] * rounded[i];
        }
        assertThat(products / Math.sqrt(exactSquares * roundedSquares)).isBetween(0.9, 0.9999);
    }

    /** Of weights that stay where they are. */
    private double[] slopes(String perturbation, Matmul matmul) throws IOException {
        TuneConfigBuilder still =
                config("opt", "slopes-" + matmul.id()).steps(8).lr(1e-12).eps(1e-2);
        Path out = run(still.perturbation(perturbation).matmul(matmul));
        return journal(out).records().stream()
                .flatMap(step -> step.queries().stream())
                .mapToDouble(query -> query.projectedGrad())
                .toArray();
    }

    private long quantized() {
        return kit.cuda().calls("cuLaunchKernel").stream()
                .filter(call -> call.text().equals("millrace_quantize"))
                .count();
    }

    private static DType dtype(String name) {
        return DType.find(name).orElseThrow();
    }

    @Test
    void fp8GoesOnToTheSameBytesAndIsReplayedWithoutACard() throws IOException {
        Path stopped = run(config("llama", "stopped").matmul(Matmul.FP8));
        assertThatThrownBy(() ->
                        run(config("llama", "stopped").steps(5).matmul(Matmul.TF32).resume(true)))
                .isInstanceOf(BadInputException.class);
        assertThatThrownBy(() -> run(config("llama", "stopped").steps(5).resume(true)))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("field 'matmul' is fp8, and this run has native");
        run(config("llama", "stopped").steps(5).matmul(Matmul.FP8).resume(true));
        Path whole = run(config("llama", "whole").steps(5).matmul(Matmul.FP8));
        assertThat(Runs.result(stopped)).containsExactlyEntriesOf(Runs.result(whole));
        Path replayed = temp.resolve("replayed");
        Replay.run(Golden.path("llama"), whole.resolve("journal.jsonl"), replayed);
        assertThat(Runs.result(replayed).get("model.safetensors"))
                .isEqualTo(Runs.result(whole).get("model.safetensors"));
    }

    @Test
    void fp8IsRefusedByCardsThatCannotMultiplyIt() throws IOException {
        kit.close();
        kit = HostKit.install(HostCudaOptions.defaults().withCapability(86), CudaPanels.DEFAULT);
        TuneConfigBuilder config = config("opt", "refused").matmul(Matmul.FP8);
        assertThatThrownBy(() -> run(config))
                .isInstanceOf(BadInputException.class)
                .hasMessageContainingAll("--matmul", "capability 8.9", "has 8.6", "leave it out");
        assertThat(temp.resolve("refused")).doesNotExist();
        kit.close();
        kit = HostKit.install(HostCudaOptions.defaults().withCapability(89), CudaPanels.DEFAULT);
        assertThat(run(config)).isDirectory();
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
