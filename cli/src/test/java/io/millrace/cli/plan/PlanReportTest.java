package io.millrace.cli.plan;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.plan.ModelPlan;
import io.millrace.executor.plan.ModelPlanner;
import io.millrace.executor.plan.ModelShape;
import io.millrace.executor.plan.PlanOptions;
import io.millrace.memory.DType;
import io.millrace.memory.StateSlot;
import io.millrace.prefetch.plan.MachineCatalog;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** What a plan says of states, and only where an update rule keeps some. */
class PlanReportTest {
    private static final Path NO_FILE = Path.of("none");

    @Test
    void saysHowManyBytesAreStates() {
        PlanOptions options =
                new PlanOptions(
                        1,
                        OptionalInt.of(1),
                        OptionalInt.of(64),
                        TuneConfig.builder(NO_FILE, NO_FILE, NO_FILE).arithmetic(),
                        MemoryConfig.DEFAULT);
        ModelPlan plan =
                ModelPlanner.plan(
                        ModelShape.named("gpt2", Optional.empty()),
                        options,
                        MachineCatalog.assumed(2, 1L << 34, 1L << 34),
                        false);
        PlanReport without = new PlanReport(plan, PlanReport.ENDURANCE);
        assertThat(without.fields()).doesNotContainKey("state_bytes");
        assertThat(without.lines().getFirst()).doesNotContain("state").endsWith(" blocks");

        PlanReport with = new PlanReport(stated(plan), PlanReport.ENDURANCE);
        long elements = plan.model().layout().elementCount();
        assertThat((Long) with.fields().get("state_bytes")).isGreaterThanOrEqualTo(4 * elements);
        assertThat(with.lines().getFirst())
                .startsWith(without.lines().getFirst())
                .endsWith(" of states of mezo-sgd lie beside the weights");
    }

    /** The same plan for a rule that keeps one number an element. */
    private static ModelPlan stated(ModelPlan plan) {
        ModelShape shape = plan.model();
        return new ModelPlan(
                new ModelShape(
                        shape.name(),
                        shape.program(),
                        shape.layout().withStates(List.of(new StateSlot.Kind("m", DType.F32))),
                        shape.direct()),
                plan.machine(),
                plan.options(),
                plan.tokensEach(),
                plan.placement(),
                plan.memory(),
                plan.forecast(),
                plan.counsel());
    }
}
