package io.millrace.executor.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Percentage.withPercentage;

import io.millrace.executor.Runs;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.memory.device.DeviceName;
import io.millrace.optim.participation.RandomLayers;
import io.millrace.prefetch.plan.Forecast;
import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.MachineCatalog;
import io.millrace.telemetry.Lane;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** What a step costs that is not one pass of all layers. */
class StepForecastTest {
    private static final Machine MACHINE = MachineCatalog.assumed(2, 1L << 34, 1L << 33);

    private static Forecast forecast(UnaryOperator<TuneConfigBuilder> changes) {
        TuneConfigBuilder run =
                TuneConfig.builder(Path.of("model"), Path.of("train.jsonl"), Path.of("out"));
        PlanOptions options =
                new PlanOptions(
                        1,
                        OptionalInt.of(1),
                        OptionalInt.of(64),
                        changes.apply(run).arithmetic(),
                        Runs.host(DeviceName.CPU, 1L << 30));
        ModelShape shape = ModelShape.named("opt-1.3b", Optional.empty());
        return ModelPlanner.plan(shape, options, MACHINE, false).forecast();
    }

    /** A quarter of the layers and the ends: that much is written and made z for; all is read. */
    @Test
    void layersThatAStepLeavesOutAreReadAndNeitherPerturbedNorWritten() {
        Forecast all = forecast(run -> run);
        Forecast some = forecast(run -> run.blocks("random"));
        Forecast without =
                forecast(run -> run.blocks("random").method(RandomLayers.FROZEN_ENDS, true));
        assertThat(some.bytes().get(Lane.NVME_READ)).isEqualTo(all.bytes().get(Lane.NVME_READ));
        assertThat(some.bytes().get(Lane.NVME_WRITE))
                .isBetween(
                        0.15 * all.bytes().get(Lane.NVME_WRITE),
                        0.45 * all.bytes().get(Lane.NVME_WRITE));
        assertThat(some.busySeconds().get(Lane.COMPUTE))
                .isLessThan(0.8 * all.busySeconds().get(Lane.COMPUTE));
        assertThat(without.busySeconds().get(Lane.COMPUTE))
                .isLessThan(0.9 * some.busySeconds().get(Lane.COMPUTE));
    }

    @Test
    void bothPassesOfAConservativeStepCount() {
        Forecast one = forecast(run -> run.queries(1));
        Forecast two = forecast(run -> run.estimator("conservative"));
        // Three scales at once take memory that blocks could have.
        double read = one.bytes().get(Lane.NVME_READ);
        double written = one.bytes().get(Lane.NVME_WRITE);
        assertThat(two.bytes().get(Lane.NVME_READ)).isBetween(2 * read, 2.2 * read);
        assertThat(two.bytes().get(Lane.NVME_WRITE)).isBetween(written, 1.1 * written);
        assertThat(two.busySeconds().get(Lane.COMPUTE))
                .isGreaterThan(1.5 * one.busySeconds().get(Lane.COMPUTE));
        assertThat(two.tokensPerSecond())
                .isCloseTo(
                        one.tokensPerSecond() * one.stepSeconds() / two.stepSeconds(),
                        withPercentage(0.01));
    }
}
