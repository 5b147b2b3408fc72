package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.RunListener;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cpu.Gemm;
import io.millrace.executor.cuda.HostKit;
import io.millrace.memory.BadInputException;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.optim.Journal;
import io.millrace.optim.JournalReader;
import io.millrace.optim.QueryResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
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
                .map(QueryResult::lossPlus)
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
            names = {"TF32", "BF16"})
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
            names = {"TF32", "BF16"})
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
