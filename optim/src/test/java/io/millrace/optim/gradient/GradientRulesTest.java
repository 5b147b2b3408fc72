package io.millrace.optim.gradient;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.estimate.GradientEstimator;
import io.millrace.optim.estimate.TwoSidedEstimator;
import io.millrace.optim.option.Settings;
import io.millrace.optim.update.Optimizers;
import io.millrace.telemetry.json.Json;
import io.millrace.telemetry.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Twenty steps of each rule on a matrix and a vector end where PyTorch's SGD, AdamW and Adagrad,
 * transformers' Adafactor, and Lion, LOMO and AdaLomo as their papers have them end in float64.
 */
@ExtendWith(SeedExtension.class)
final class GradientRulesTest {
    private static final int STEPS = 20;
    private static final double RELATIVE = 1e-5;
    private static final double SMALL = 0.01; // what is less is held to as much as that is

    private record Run(
            String name,
            GradientRule rule,
            double lr,
            double decay,
            List<Long> shape,
            List<Double> ends) {
        @Override
        public String toString() {
            return name + " of " + shape + ", decay " + decay;
        }

        boolean isMatrix() {
            return shape.size() > 1;
        }

        /** The tensor after all steps. */
        TiledTensor end(int units, Random order) {
            float[] start = TiledTensor.start(shape, isMatrix() ? 11 : 13);
            TiledTensor tensor = new TiledTensor(rule, shape, start, units, order);
            for (int step = 1; step <= STEPS; step++) {
                double rate = lr * (1 + step % 3);
                tensor.step(
                        new TensorTurn(step + 100L, step, rate, decay, shape, 7),
                        TiledTensor.gradient(shape, isMatrix() ? 12 : 14, step));
            }
            return tensor;
        }
    }

    static Stream<Run> runs() throws IOException {
        try (InputStream in =
                GradientRulesTest.class.getResourceAsStream("/golden/gradient-rules.json")) {
            return Json.parseObject(new String(in.readAllBytes(), StandardCharsets.UTF_8))
                    .array("runs")
                    .stream()
                    .map(run -> read(JsonObject.of((Map<?, ?>) run)));
        }
    }

    private static Run read(JsonObject run) {
        return new Run(
                run.string("rule"),
                rule(run.string("rule")),
                run.number("lr"),
                run.number("decay"),
                run.array("shape").stream().map(size -> ((Number) size).longValue()).toList(),
                run.array("parameters").stream()
                        .map(value -> ((Number) value).doubleValue())
                        .toList());
    }

    private static GradientRule rule(String name) {
        String[] words = name.split(" momentum ", 2);
        Settings values =
                words.length == 1
                        ? Settings.NONE
                        : Settings.NONE.with(Sgd.MOMENTUM, Double.valueOf(words[1]));
        return (GradientRule) Optimizers.KINDS.make(words[0], values, 0);
    }

    @ParameterizedTest
    @MethodSource("runs")
    void endsWhereTheReferenceDoes(Run run, @Seed long seed) {
        float[] ends = run.end(2, new Random(seed)).parameters();
        assertThat(ends).hasSize(run.ends.size());
        for (int i = 0; i < ends.length; i++) {
            double expected = run.ends.get(i);
            double bound = RELATIVE * Math.max(SMALL, Math.abs(expected));
            assertThat(Math.abs(ends[i] - expected)).as("element %d", i).isLessThan(bound);
        }
    }

    /** With sums, tiles have to be the same; without, they may be of any size. */
    @ParameterizedTest
    @MethodSource("runs")
    void theOrderOfTilesChangesNoBit(Run run, @Seed long seed) {
        Random order = new Random(seed);
        TensorTurn turn = new TensorTurn(1, 1, run.lr, run.decay, run.shape, 7);
        TensorStep step = run.rule.step(turn);
        boolean adds = false;
        for (int pass = 0; pass < step.passes(); pass++) {
            adds |= step.sums(pass) > 0;
        }
        TiledTensor whole = run.end(100, order);
        for (int units : List.of(1, 2, 3)) {
            TiledTensor first = run.end(units, order);
            assertThat(run.end(units, order).parameters()).isEqualTo(first.parameters());
            assertThat(run.end(units, order).states()).isDeepEqualTo(first.states());
            if (!adds) {
                assertThat(first.parameters()).isEqualTo(whole.parameters());
                assertThat(first.states()).isDeepEqualTo(whole.states());
            }
        }
    }

    /**
     * A step of half a unit below 1 is none, as 1 is even; a decay of 1e-9 makes it one of a whole
     * unit. As a factor it would have been 1 in float32.
     */
    @ParameterizedTest
    @ValueSource(strings = {"sgd", "sgd momentum 0.9", "lomo", "lion"})
    void aDecayThatIsSmallBesideOneCounts(String name) {
        double lr = 0x1p-25;
        List<Long> shape = List.of(1L, 1L);
        for (double decay : List.of(0.0, 1e-9 / lr)) {
            TiledTensor tensor =
                    new TiledTensor(rule(name), shape, new float[] {1}, 1, new Random(1));
            tensor.step(new TensorTurn(1, 1, lr, decay, shape, 7), new float[] {1});
            assertThat(tensor.parameters()).containsExactly(decay == 0 ? 1f : Math.nextDown(1f));
        }
    }

    @Test
    void statesAreOfTheShape() {
        List<Long> matrix = List.of(7L, 5L, 2L);
        List<Long> vector = List.of(6L);
        assertThat(extents("sgd", matrix)).isEmpty();
        assertThat(extents("sgd momentum 0.9", matrix)).containsExactly(70L);
        assertThat(extents("lomo", matrix)).isEmpty();
        assertThat(extents("adamw", vector)).containsExactly(6L, 6L);
        assertThat(extents("adagrad", matrix)).containsExactly(70L);
        assertThat(extents("lion", vector)).containsExactly(6L);
        for (String factored : List.of("adafactor", "adalomo")) {
            assertThat(extents(factored, matrix)).containsExactly(7L, 10L, 0L);
            assertThat(extents(factored, vector)).containsExactly(0L, 0L, 6L);
            assertThat(rule(factored).wantsRows()).isTrue();
        }
    }

    private static List<Long> extents(String rule, List<Long> shape) {
        return rule(rule).kept().stream().map(state -> state.extent().of(shape)).toList();
    }

    @Test
    void aRuleThatNeedsTheGradientSaysSo() {
        assertThat(rule("adamw").needs(new TwoSidedEstimator(1))).contains("--estimator gradient");
        assertThat(rule("adamw").needs(Estimators.KINDS.make(GradientEstimator.NAME, Settings.NONE, 0))).isEmpty();
    }
}
