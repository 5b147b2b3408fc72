package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.listen.RunListener;
import io.millrace.executor.listen.RunStart;
import io.millrace.memory.BadInputException;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.device.DeviceName;
import io.millrace.model.Checkpoint;
import io.millrace.optim.estimate.GradientEstimator;
import io.millrace.optim.participation.HiftGroups;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Under a budget that does not hold what came into all layers, it waits on the drive for the way
 * back, as the gradients of both ends do; bytes are those of a run in memory, and a run says it.
 */
class SpilledInputsTest {
    private static final OptionalLong NO_BUDGET = OptionalLong.empty();
    private static final String SAYS = " set aside in a step";

    @TempDir Path temp;

    @Test
    void ofManyLayers() throws IOException {
        check(
                Runs.model(temp.resolve("model"), "llama", "bfloat16", 9, 64, 96),
                run -> run.optimizer("adamw").method(GradientEstimator.MASTERS, true));
    }

    @Test
    void ofBothEndsInOneTableClippedAsAWhole() throws IOException {
        check(
                Runs.model(temp.resolve("model"), "opt", "float32", 8, 64, 128),
                run -> run.optimizer("adamw").method(GradientEstimator.NORM, 0.1));
    }

    @Test
    void ofPartsThatTakeTurns() throws IOException {
        check(
                Runs.model(temp.resolve("model"), "opt", "bfloat16", 7, 64, 128),
                run -> run.optimizer("adamw").blocks("hift").method(HiftGroups.GROUP, 2).steps(9));
    }

    @Tag("long")
    @Test
    void ofLayersWithExperts() throws IOException {
        check(
                MixtureRunsTest.model(temp.resolve("model"), DType.BF16, 6),
                run -> run.optimizer("adamw"));
    }

    @Test
    void aDriveThatHasNoRoomForThemIsRefused() throws IOException {
        Path model = Runs.model(temp.resolve("model"), "llama", "bfloat16", 9, 64, 96);
        MethodRuns runs = new MethodRuns(temp, model, Runs.data(temp, 71, 10));
        MethodRuns.Method adamw = run -> gradient(run.optimizer("adamw"));
        long least =
                Runs.smallestBudget(budget ->
                        runs.config("probe" + budget, adamw, Runs.host(DeviceName.CPU, budget)));
        TuneConfigBuilder small =
                runs.config(
                        "small",
                        adamw,
                        new MemoryConfig(
                                DeviceName.CPU,
                                OptionalLong.empty(),
                                OptionalLong.of(least),
                                Optional.of(temp),
                                OptionalLong.of(4096),
                                2,
                                true));
        assertThatThrownBy(() -> TuningRun.run(small.build(), RunListener.SILENT))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--nvme-budget")
                .hasMessageContaining("set aside within a step");
        assertThat(temp.resolve("small")).doesNotExist();
    }

    @Test
    void statesComeOnTheWayBackAlone() throws IOException {
        Path model = Runs.model(temp.resolve("model"), "llama", "bfloat16", 9, 64, 96);
        MethodRuns runs = new MethodRuns(temp, model, Runs.data(temp, 71, 10));
        MethodRuns.Method adamw =
                run -> gradient(run.optimizer("adamw").method(GradientEstimator.MASTERS, true));
        long least =
                Runs.smallestBudget(budget ->
                        runs.config("probe" + budget, adamw, Runs.host(DeviceName.CPU, budget)));
        Path out = runs.run("out", adamw, Runs.host(DeviceName.CPU, least));
        long weights = weightBytes(model); // behind each a float32 copy and two moments
        // A few layers below the head come once for both ways, and padding is no weight.
        List<Long> read = MixtureRunsTest.read(out);
        assertThat(read.subList(2, read.size()))
                .allSatisfy(bytes -> assertThat((double) bytes / weights).isBetween(6.3, 8.2));
    }

    private static long weightBytes(Path model) {
        try (Checkpoint checkpoint = Checkpoint.open(model)) {
            return checkpoint.layout().blocks().stream().mapToLong(BlockLayout::weightBytes).sum();
        }
    }

    private void check(Path model, MethodRuns.Method method) throws IOException {
        MethodRuns runs = new MethodRuns(temp, model, Runs.data(temp, 71, 10));
        MethodRuns.Method all = run -> gradient(method.apply(run));
        assertThat(said(runs.config("memory", all, Runs.memory(DeviceName.CPU, NO_BUDGET))))
                .doesNotContain(SAYS);
        Map<String, byte[]> expected = Runs.result(temp.resolve("memory"));
        long least =
                Runs.smallestBudget(budget ->
                        runs.config("probe" + budget, all, Runs.host(DeviceName.CPU, budget)));
        assertThat(said(runs.config("spilled", all, Runs.host(DeviceName.CPU, least))))
                .contains(SAYS);
        Runs.assertSame(temp.resolve("spilled"), expected, "set aside");
    }

    private static TuneConfigBuilder gradient(TuneConfigBuilder run) {
        return run.estimator("gradient").queries(1).lr(1e-2).batchSize(8).microBatch(1);
    }

    private static String said(TuneConfigBuilder run) {
        List<String> lines = new ArrayList<>();
        TuningRun.run(
                run.build(),
                new RunListener() {
                    @Override
                    public void onStart(RunStart start) {
                        lines.add(start.resolved());
                    }
                });
        return String.join("\n", lines);
    }
}
