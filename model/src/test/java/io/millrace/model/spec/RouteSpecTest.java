package io.millrace.model.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.model.spec.RouteSpec.Groups;
import io.millrace.model.spec.RouteSpec.Shares;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The way back through a choice of experts, against differences of the way there. */
class RouteSpecTest {
    private static final double STEP = 1e-6;
    private static final double[] SCORES = {0.3, -1.1, 0.9, 0.25, -0.4, 1.3, 0.05, -2};
    private static final double[] CORRECTIONS = {0.4, 0, -0.1, 0.02, 0.7, -0.6, 0, 0.1};
    private static final double[] GRADIENTS = {0.7, -0.2, 1.9, -1.4, 0.6, 0.35, -0.9, 2.2};

    static Stream<RouteSpec> routes() {
        Optional<Groups> groups = Optional.of(new Groups(4, 2, 2));
        return Stream.of(Shares.values())
                .flatMap(shares ->
                        Stream.of(true, false)
                                .flatMap(normed ->
                                        Stream.of(groups, Optional.<Groups>empty())
                                                .map(some ->
                                                        new RouteSpec(
                                                                8,
                                                                3,
                                                                shares,
                                                                normed,
                                                                2.5f,
                                                                some,
                                                                Optional.of("correction")))));
    }

    @ParameterizedTest
    @MethodSource("routes")
    void gradientsAreSlopesOfWeights(RouteSpec route) {
        for (double[] corrections : new double[][] {null, CORRECTIONS}) {
            double[] gradients = GRADIENTS.clone();
            route.back(SCORES.clone(), corrections, gradients);
            double largest = 0;
            for (int score = 0; score < SCORES.length; score++) {
                double slope =
                        (product(route, corrections, score, STEP)
                                        - product(route, corrections, score, -STEP))
                                / (2 * STEP);
                assertThat(gradients[score])
                        .as("score %d, %s", score, Arrays.toString(corrections))
                        .isCloseTo(slope, within(1e-8));
                largest = Math.max(largest, Math.abs(slope));
            }
            assertThat(largest).isGreaterThan(0.1);
        }
    }

    /** Σ g_e w_e where one score is a step off. */
    private static double product(RouteSpec route, double[] corrections, int score, double step) {
        double[] scores = SCORES.clone();
        scores[score] += step;
        route.weigh(scores, corrections);
        double sum = 0;
        for (int expert = 0; expert < scores.length; expert++) {
            sum += GRADIENTS[expert] * scores[expert];
        }
        return sum;
    }
}
