package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.step.LowRankSize;
import io.millrace.model.Checkpoint;
import io.millrace.model.program.Op;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a step asks of the driver. */
final class CudaStepTest {
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

    @ParameterizedTest
    @CsvSource({"gaussian, mezo-sgd", "low-rank, mezo-sgd", "low-rank, lozo-m"})
    void moreStepsTakeNoMoreMemoryAndNoMoreWaitsForStreams(String perturbation, String optimizer)
            throws IOException {
        Map<String, Integer> two = callsOf(2, perturbation, optimizer);
        Map<String, Integer> five = callsOf(5, perturbation, optimizer);
        for (String call :
                List.of(
                        "cuMemAlloc",
                        "cuMemMap",
                        "cuMemHostRegister",
                        "cuModuleLoadData",
                        "cuStreamSynchronize")) {
            assertThat(five.get(call)).as(call).isEqualTo(two.get(call));
        }
        assertThat(five.get("cuLaunchKernel")).isGreaterThan(2 * two.get("cuLaunchKernel"));
    }

    private Map<String, Integer> callsOf(int steps, String perturbation, String optimizer)
            throws IOException {
        kit.cuda().clearCalls();
        TuningRun.run(
                config("steps-" + steps)
                        .steps(steps)
                        .perturbation(perturbation)
                        .window(2)
                        .optimizer(optimizer)
                        .build(),
                RunListener.SILENT);
        Map<String, Integer> counts = new TreeMap<>();
        kit.cuda().calls().forEach(call -> counts.merge(call.name(), 1, Integer::sum));
        return counts;
    }

    @Test
    void aLowRankStepMultipliesWithEachMatrixOnceForBothSigns() throws IOException {
        kit.cuda().clearCalls();
        TuningRun.run(
                config("one").steps(1).queries(1).perturbation("low-rank").microBatch(4).build(),
                RunListener.SILENT);
        long products =
                kit.cuda().calls().stream()
                        .filter(call -> call.text().equals("host_matmul"))
                        .count();
        long formed =
                kit.cuda().calls().stream()
                        .filter(call -> call.text().equals("millrace_thin_form"))
                        .count();
        try (Checkpoint checkpoint = Checkpoint.open(Golden.path("llama"))) {
            long matrices =
                    checkpoint
                            .program()
                            .ops()
                            .filter(Op.Linear.class::isInstance)
                            .mapToLong(op -> ((Op.Linear) op).matrices().size())
                            .sum();
            assertThat(products).isEqualTo(matrices + 1); // and the logits'
            long all =
                    checkpoint.layout().blocks().stream()
                            .flatMap(block -> block.tensors().stream())
                            .filter(LowRankSize::isMatrix)
                            .count();
            assertThat(formed).as("folds at the end of the run").isEqualTo(all);
        }
    }

    /**
     * Two directions of two signs, in the last of three layers; what is below is theirs at once.
     */
    @Test
    void whatLiesBeforeTheFirstTrainedLayerRunsOnce() throws IOException {
        assertThat(attentions("all", "full")).isEqualTo(3 * 2);
        assertThat(attentions("last", "*layers.2.*")).isEqualTo(2 + 2);
    }

    private long attentions(String name, String tuned) throws IOException {
        kit.cuda().clearCalls();
        TuningRun.run(config(name).steps(1).microBatch(4).tune(tuned).build(), RunListener.SILENT);
        return kit.cuda().calls().stream()
                .filter(call -> call.text().startsWith("millrace_attend"))
                .count();
    }

    @Test
    void computingIsTimedByTheDevicesOwnEvents() throws IOException {
        Path out = TuningRun.run(config("timed").steps(3).build(), RunListener.SILENT).out();
        List<JsonObject> steps =
                Files.readAllLines(out.resolve("metrics.jsonl")).stream()
                        .map(Json::parseObject)
                        .filter(line -> line.has("lanes"))
                        .toList();
        assertThat(steps).hasSize(3);
        for (JsonObject step : steps) {
            double busy = step.object("lanes").object("compute").number("busy_seconds");
            assertThat(busy).isPositive();
            assertThat(busy).isLessThan(step.number("step_seconds") + 1e-3);
        }
    }

    private TuneConfigBuilder config(String name) throws IOException {
        return Runs.config("llama", Runs.data(temp, 41, 10), temp.resolve(name))
                .memory(CudaRuns.onDevice());
    }
}
