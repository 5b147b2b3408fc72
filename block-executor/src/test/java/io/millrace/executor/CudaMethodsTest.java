package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.RunListener;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.journal.Replay;
import io.millrace.memory.BadInputException;
import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.estimate.StepRecord;
import io.millrace.optim.journal.JournalReader;
import io.millrace.optim.participation.RandomLayers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Points of the family on a card, with its kernels as host code: losses near the CPU's, the same
 * bytes with little device memory, and the weights that a replay on the CPU makes.
 */
class CudaMethodsTest {
    private static final double LOSS_BOUND = 2e-5;

    @TempDir Path temp;
    private HostKit kit;
    private Path model;
    private Path data;

    /** What is changed of a run. */
    interface Change extends UnaryOperator<TuneConfigBuilder> {}

    static Stream<Arguments> methods() {
        return Stream.of(
                method(
                        "fzoo",
                        run ->
                                run.estimator("one-sided")
                                        .method(Estimators.NORMALIZE, true)
                                        .perturbation("rademacher")
                                        .queries(4)),
                method("lezo", run -> run.blocks("random").foldEvery(2)),
                method(
                        "lezo without ends",
                        run -> run.blocks("random").method(RandomLayers.FROZEN_ENDS, true)),
                method("lezo, low-rank", run -> run.blocks("random").perturbation("low-rank")),
                method(
                        "low-rank of some",
                        run -> run.perturbation("low-rank").window(2).tune("*_proj*")),
                method("momentum", run -> run.optimizer("zo-momentum").foldEvery(2)),
                method("adam of some", run -> run.optimizer("zo-adam").tune("*_proj*")),
                method("svrg", run -> run.estimator("svrg").method(Estimators.ANCHOR_EVERY, 3)),
                method("conservative", run -> run.estimator("conservative").queries(1)));
    }

    private static Arguments method(String name, Change change) {
        return Arguments.of(name, change);
    }

    @BeforeEach
    void install() throws IOException {
        kit = HostKit.install();
        model = Runs.model(temp.resolve("model"), "llama", "float32", 4, 64, 128);
        data = Runs.data(temp, 91, 8);
    }

    @AfterEach
    void uninstall() {
        kit.close();
    }

    private Path run(String out, Change change, MemoryConfig memory) {
        TuneConfigBuilder run = Runs.config(model, data, temp.resolve(out)).steps(4).memory(memory);
        return TuningRun.run(change.apply(run).build(), RunListener.SILENT).out();
    }

    @ParameterizedTest
    @ValueSource(strings = {"subspace", "tezo", "members", "projected"})
    void whatNoKernelMakesIsRefusedBeforeAnythingIsWritten(String direction) {
        assertThatThrownBy(
                        () -> run("none", run -> run.perturbation(direction), CudaRuns.onDevice()))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("'" + direction + "' is not there on a cuda device yet");
        assertThat(temp.resolve("none")).doesNotExist();
    }

    private static List<StepRecord> records(Path out) {
        return JournalReader.read(out.resolve("journal.jsonl")).records();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("methods")
    void runsOnACardAsOnTheCpu(String name, Change change) throws IOException {
        Path onDevice = run("device", change, CudaRuns.onDevice());
        List<StepRecord> actual = records(onDevice);
        List<StepRecord> expected = records(run("cpu", change, MemoryConfig.DEFAULT));
        for (int step = 0; step < expected.size(); step++) {
            assertThat(actual.get(step).loss())
                    .as("step %d", step + 1)
                    .isCloseTo(expected.get(step).loss(), within(LOSS_BOUND));
        }
        Map<String, byte[]> bytes = Runs.result(onDevice);
        long least =
                Runs.smallestThatWorks(budget ->
                        run("probe" + budget, change, CudaRuns.memory(0, budget, 1, true)));
        Runs.assertSame(
                run("small", change, CudaRuns.memory(0, least, 1, true)), bytes, "small device");
        Path rebuilt = temp.resolve("rebuilt");
        Replay.run(model, onDevice.resolve("journal.jsonl"), rebuilt);
        assertThat(
                        Files.mismatch(
                                rebuilt.resolve("model.safetensors"),
                                onDevice.resolve("model.safetensors")))
                .isEqualTo(-1);
    }
}
