package io.millrace.optim.gradient.rule;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.optim.estimate.Estimators;
import io.millrace.optim.estimate.GradientEstimator;
import io.millrace.optim.estimate.TwoSidedEstimator;
import io.millrace.optim.gradient.GradientRule;
import io.millrace.optim.gradient.TensorStep;
import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.optimizer.Optimizers;
import io.millrace.optim.option.Settings;
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
 * transformers' Adafactor, and the others as their papers or published code have them end in
 * float64.
 */
@ExtendWith(SeedExtension.class)
final class GradientRulesTest {
    private static final int STEPS = 20;
    private static final double RELATIVE = 1e-5;
    private static final double SMALL = 0.01; // what is less is held to as much as that is

    record Run(
            String name,
            GradientRule rule,
            double lr,
            double decay,
            List<Long> shape,
            long start,
            long gradients,
            List<Double> ends) {
        @Override
        public String toString() {
            return name + " of " + shape + ", decay " + decay;
        }

        /** The tensor after all steps. */
        TiledTensor end(int units, Random order) {
            float[] weights = TiledTensor.start(shape, start);
            TiledTensor tensor = new TiledTensor(rule, shape, weights, units, order);
            for (int step = 1; step <= STEPS; step++) {
                double rate = lr * (1 + step % 3);
                tensor.step(
                        new TensorTurn(step + 100L, step, rate, decay, shape, 7),
                        TiledTensor.gradient(shape, gradients, step));
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
                run.integer("start"),
                run.integer("gradients"),
                run.array("parameters").stream()
                        .map(value -> ((Number) value).doubleValue())
                        .toList());
    }

    private static GradientRule rule(String name) {
        String[] words = name.split(" ", -1);
        Settings values =
                switch (words.length == 1 ? "" : words[1]) {
                    case "momentum" -> Settings.NONE.with(Sgd.MOMENTUM, Double.valueOf(words[2]));
                    case "rank" ->
                            Settings.NONE
                                    .with(GaLore.RANK, Integer.valueOf(words[2]))
                                    .with(GaLore.EVERY, Integer.valueOf(words[4]));
                    default -> Settings.NONE;
                };
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
        assertThat(extents("galore rank 3 every 6", matrix)).containsExactly(21L, 30L, 30L);
        assertThat(extents("galore rank 7 every 6", matrix)).containsExactly(0L, 70L, 70L);
        assertThat(extents("galore rank 1 every 6", vector)).containsExactly(0L, 6L, 6L);
        assertThat(extents("natural-galore rank 3 every 6", matrix))
                .containsExactly(21L, 30L, 30L, 600L);
        assertThat(extents("natural-galore rank 3 every 6", vector))
                .containsExactly(0L, 6L, 6L, 0L);
        assertThat(extents("adamw-8bit", matrix)).containsExactly(70L, 70L, 1L, 1L);
        assertThat(extents("adamw-8bit", List.of(257L))).containsExactly(257L, 257L, 2L, 2L);
    }

    private static List<Long> extents(String rule, List<Long> shape) {
        return rule(rule).kept().stream().map(state -> state.extent().of(shape)).toList();
    }

    @Test
    void aRuleThatNeedsTheGradientSaysSo() {
        assertThat(rule("adamw").needs(new TwoSidedEstimator(1))).contains("--estimator gradient");
        assertThat(
                        rule("adamw")
                                .needs(
                                        Estimators.KINDS.make(
                                                GradientEstimator.NAME, Settings.NONE, 0)))
                .isEmpty();
    }
}
