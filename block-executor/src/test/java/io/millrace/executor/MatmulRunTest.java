package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cpu.op.Gemm;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.executor.journal.Replay;
import io.millrace.executor.listen.RunListener;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.cuda.HostCudaOptions;
import io.millrace.optim.journal.Journal;
import io.millrace.optim.journal.JournalReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

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

    private TuneConfigBuilder config(String golden, String name, Matmul products)
            throws IOException {
        assumeTrue(products != Matmul.BF16 || Gemm.multipliesBFloat16());
        return Runs.config(golden, Runs.data(temp, 41, 10), temp.resolve(name))
                .memory(products == Matmul.BF16 ? MemoryConfig.DEFAULT : CudaRuns.onDevice())
                .steps(3);
    }

    private Path run(TuneConfigBuilder config) {
        return TuningRun.run(config.build(), RunListener.SILENT).out();
    }

    private static Journal journal(Path out) {
        return JournalReader.read(out.resolve("journal.jsonl"));
    }

    private static List<Double> losses(Path out) {
        return journal(out).records().stream()
                .flatMap(record -> record.queries().stream())
                .map(query -> query.losses().getFirst())
                .toList();
    }

    @ParameterizedTest
    @CsvSource({"TF32, 2e-3", "BF16, 2e-2"})
    void changesLossesALittleAndStandsInTheJournal(Matmul products, double bound)
            throws IOException {
        Path plain = run(config("opt", "plain", products));
        Path other = run(config("opt", "other", products).matmul(products));
        assertThat(losses(other)).doesNotContainAnyElementsOf(losses(plain));
        for (int i = 0; i < losses(plain).size(); i++) {
            assertThat(losses(other).get(i)).isCloseTo(losses(plain).get(i), within(bound));
        }
        assertThat(journal(other).header().extra()).containsEntry("matmul", products.id());
        assertThat(journal(plain).header().extra()).doesNotContainKey("matmul");
    }

    @ParameterizedTest
    @EnumSource(
            value = Matmul.class,
            names = {"TF32", "BF16", "FP8"})
    void aRunGoesOnWithItsOwnChoiceAlone(Matmul products) throws IOException {
        Path other = run(config("opt", "other", products).matmul(products));
        Path plain = run(config("opt", "plain", products));
        assertThatThrownBy(() -> run(config("opt", "other", products).steps(5).resume(true)))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(
                        "field 'matmul' is " + products.id() + ", and this run has native");
        assertThatThrownBy(() ->
                        run(
                                config("opt", "plain", products)
                                        .steps(5)
                                        .matmul(products)
                                        .resume(true)))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining(
                        "field 'matmul' is native, and this run has " + products.id());
        run(config("opt", "other", products).steps(5).matmul(products).resume(true));
        Path whole = run(config("opt", "whole", products).steps(5).matmul(products));
        assertThat(Runs.result(other)).containsExactlyEntriesOf(Runs.result(whole));
        assertThat(plain).isDirectory();
    }

    @ParameterizedTest
    @EnumSource(
            value = Matmul.class,
            names = {"TF32", "BF16", "FP8"})
    void replayNeedsNoCardAndMakesTheSameWeights(Matmul products) throws IOException {
        Path other = run(config("opt", "other", products).matmul(products));
        Path replayed = temp.resolve("replayed");
        Replay.run(Golden.path("opt"), other.resolve("journal.jsonl"), replayed);
        assertThat(Runs.result(replayed).get("model.safetensors"))
                .isEqualTo(Runs.result(other).get("model.safetensors"));
    }

    @ParameterizedTest
    @CsvSource({"TF32, cpu, cuda", "TF32, emulated, cuda", "BF16, cuda:0, --dtype bfloat16"})
    void isRefusedWhereNothingComputesOnIt(Matmul products, String device, String mend)
            throws IOException {
        TuneConfigBuilder config =
                config("opt", "refused", Matmul.NATIVE).memory(onDevice(device)).matmul(products);
        assertThatThrownBy(() -> run(config))
                .isInstanceOf(BadInputException.class)
                .hasMessageContainingAll("--matmul", products.id() + " products", mend);
        assertThat(temp.resolve("refused")).doesNotExist();
    }

    private static MemoryConfig onDevice(String device) {
        return new MemoryConfig(
                device,
                OptionalLong.empty(),
                OptionalLong.empty(),
                Optional.empty(),
                OptionalLong.empty(),
                2,
                true);
    }

    @Tag("long")
    @ParameterizedTest
    @CsvSource({"opt, float32, gaussian", "llama, bfloat16, gaussian", "llama, bfloat16, low-rank"})
    void fp8ChangesLossesMoreAndStandsInTheJournal(String golden, String dtype, String perturbation)
            throws IOException {
        TuneConfigBuilder plain = config(golden, "plain", Matmul.FP8).dtype(dtype(dtype));
        TuneConfigBuilder fp8 =
                config(golden, "fp8", Matmul.FP8).dtype(dtype(dtype)).matmul(Matmul.FP8);
        double plainLoss = losses(run(plain.perturbation(perturbation))).getFirst();
        assertThat(quantized()).isZero();
        Path out = run(fp8.perturbation(perturbation));
        assertThat(quantized()).isPositive();
        assertThat(losses(out).getFirst()).isNotEqualTo(plainLoss);
        assertThat(losses(out).getFirst()).isCloseTo(plainLoss, within(5e-2));
        assertThat(journal(out).header().extra()).containsEntry("matmul", "fp8");
    }

    /** A usual ε is lost in the rounding: what survives is said in docs/gpu.md. */
    @Tag("long")
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
                config("opt", "slopes-" + matmul.id(), Matmul.FP8).steps(8).lr(1e-12).eps(1e-2);
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
    void fp8IsRefusedByCardsThatCannotMultiplyIt() throws IOException {
        kit.close();
        kit = HostKit.install(HostCudaOptions.defaults().withCapability(86), PanelSizes.DEFAULT);
        TuneConfigBuilder config = config("opt", "refused", Matmul.FP8).matmul(Matmul.FP8);
        assertThatThrownBy(() -> run(config))
                .isInstanceOf(BadInputException.class)
                .hasMessageContainingAll("--matmul", "capability 8.9", "has 8.6", "leave it out");
        assertThat(temp.resolve("refused")).doesNotExist();
        kit.close();
        kit = HostKit.install(HostCudaOptions.defaults().withCapability(89), PanelSizes.DEFAULT);
        assertThat(run(config)).isDirectory();
    }

    @Test
    void tf32IsRefusedForMatricesOfSixteenBits() throws IOException {
        TuneConfigBuilder config =
                config("opt", "refused", Matmul.TF32).dtype(DType.BF16).matmul(Matmul.TF32);
        assertThatThrownBy(() -> run(config))
                .isInstanceOf(BadInputException.class)
                .hasMessageContainingAll("--matmul", "bfloat16", "--dtype float32");
        assertThat(temp.resolve("refused")).doesNotExist();
    }
}
