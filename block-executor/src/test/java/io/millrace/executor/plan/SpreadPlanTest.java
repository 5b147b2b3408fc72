package io.millrace.executor.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.config.TuneConfig;
import io.millrace.executor.config.TuneConfigBuilder;
import io.millrace.executor.config.data.Parallel;
import io.millrace.memory.BadInputException;
import io.millrace.optim.estimate.Estimators;
import io.millrace.prefetch.plan.MachineCatalog;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** What is forecast of several workers follows from what each of them is asked. */
class SpreadPlanTest {
    private static ModelPlan plan(
            int batch, OptionalInt microBatch, UnaryOperator<TuneConfigBuilder> change) {
        TuneConfigBuilder run =
                change.apply(TuneConfig.builder(Path.of("model"), Path.of("data"), Path.of("out")));
        return ModelPlanner.plan(
                ModelShape.named("gpt2", Optional.empty()),
                new PlanOptions(
                        batch,
                        microBatch,
                        OptionalInt.of(128),
                        run.arithmetic(),
                        MemoryConfig.DEFAULT),
                MachineCatalog.assumed(2, 1L << 34, 1L << 33),
                false);
    }

    @Test
    void oneWorkerIsThePlan() {
        ModelPlan alone = plan(8, OptionalInt.of(2), run -> run.queries(2));
        SpreadPlan.Step step = new SpreadPlan(alone).step(Parallel.AUTO, 1, Network.GBE_1);
        assertThat(step.seconds()).isEqualTo(alone.forecast().stepSeconds(), within(1e-12));
        assertThat(step.busy()).isEqualTo(1);
    }

    @Test
    void whatNobodyIsAskedNobodyComputes() {
        SpreadPlan plan = new SpreadPlan(plan(8, OptionalInt.of(2), run -> run));
        assertThat(plan.microBatches()).isEqualTo(4);
        assertThat(plan.cuts()).isEqualTo(2);
        assertThat(busy(plan, 16)).containsExactly(2, 4, 8, 8);
        double alone = plan.step(Parallel.AUTO, 1, Network.GBE_100).seconds();
        double last = alone;
        for (int workers : new int[] {2, 4, 8}) {
            SpreadPlan.Step step = plan.step(Parallel.AUTO, workers, Network.GBE_100);
            assertThat(step.seconds()).isBetween(alone / workers, last);
            last = step.seconds();
        }
        assertThat(plan.step(Parallel.AUTO, 64, Network.GBE_1).exchangeSeconds())
                .isGreaterThan(plan.step(Parallel.AUTO, 64, Network.GBE_100).exchangeSeconds());
    }

    private static List<Integer> busy(SpreadPlan plan, int workers) {
        return List.of(Parallel.values()).stream()
                .map(mode -> plan.step(mode, workers, Network.GBE_10).busy())
                .toList();
    }

    @Test
    void populationsAndFzooSpreadBest() {
        OptionalInt whole = OptionalInt.of(8);
        SpreadPlan mezo = new SpreadPlan(plan(8, whole, run -> run));
        SpreadPlan fzoo =
                new SpreadPlan(
                        plan(
                                8,
                                whole,
                                run ->
                                        run.estimator("one-sided")
                                                .method(Estimators.NORMALIZE, true)
                                                .perturbation("rademacher")
                                                .queries(15)));
        assertThat(speedup(mezo, 16)).isLessThan(2.1);
        assertThat(speedup(fzoo, 16)).isGreaterThan(8);
    }

    private static double speedup(SpreadPlan plan, int workers) {
        return plan.step(Parallel.AUTO, 1, Network.GBE_10).seconds()
                / plan.step(Parallel.AUTO, workers, Network.GBE_10).seconds();
    }

    @Test
    void aSmallerMicroBatchIsTakenWhereItGivesMoreToDivide() {
        ModelPlan alone = plan(8, OptionalInt.empty(), run -> run);
        assertThat(alone.options().microBatch()).hasValue(8);
        SpreadPlans plans = new SpreadPlans(alone, false);
        SpreadPlan best = plans.best(Parallel.AUTO, 8, Network.GBE_10);
        assertThat(best.microBatch()).isLessThanOrEqualTo(2);
        assertThat(plans.best(Parallel.AUTO, 1, Network.GBE_10)).isSameAs(plans.alone());
        SpreadPlan chosen = new SpreadPlans(alone, true).best(Parallel.AUTO, 8, Network.GBE_10);
        assertThat(chosen.microBatch()).isEqualTo(8);
    }

    @Test
    void aStepWaitsForTheSlowestOfEverMore() {
        SpreadPlans plan =
                new SpreadPlans(plan(8, OptionalInt.of(1), run -> run.queries(32)), true);
        List<SpreadSimulation.Point> points =
                SpreadSimulation.of(plan, Parallel.AUTO, 128, Network.GBE_10);
        assertThat(points.stream().map(point -> point.step().workers()).toList())
                .containsExactly(1, 2, 4, 8, 16, 32, 64, 128);
        for (int at = 1; at < points.size(); at++) {
            SpreadSimulation.Point point = points.get(at);
            assertThat(point.waitingSeconds() / point.step().computeSeconds()).isBetween(0.0, 0.6);
            assertThat(point.efficiency()).isLessThan(points.get(at - 1).efficiency() + 0.02);
            assertThat(point.speedup()).isGreaterThan(points.get(at - 1).speedup());
        }
        // The same seeds, the same figures.
        assertThat(SpreadSimulation.of(plan, Parallel.AUTO, 128, Network.GBE_10)).isEqualTo(points);
    }

    @Test
    void gradientsAreRefused() {
        ModelPlan plan =
                plan(
                        8,
                        OptionalInt.of(8),
                        run -> run.optimizer("sgd").estimator("gradient").weightDecay(0));
        assertThatThrownBy(() -> new SpreadPlan(plan))
                .isInstanceOf(BadInputException.class)
                .hasMessageStartingWith("--workers: sgd ");
    }
}
