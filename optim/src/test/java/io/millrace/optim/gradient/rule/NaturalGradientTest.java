package io.millrace.optim.gradient.rule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.optim.gradient.TensorTurn;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against the whole matrix, as large as the projected gradient is long, in double. */
@ExtendWith(SeedExtension.class)
final class NaturalGradientTest {
    private static final int STEPS = 9;

    @ParameterizedTest
    @CsvSource({"1, 12, 1e-3, 0.1", "3, 12, 1e-3, 0.1", "5, 40, 1e-3, 3", "20, 7, 0.5, 1"})
    void solvesWithTheLastGradients(
            int size, int length, double damping, float scale, @Seed long seed) {
        Random random = new Random(seed);
        float[][] states = {new float[size * length]};
        Arrays.fill(states[0], Float.NaN); // as what was there before the first turn may be
        Deque<float[]> last = new ArrayDeque<>();
        for (int turn = 1; turn <= STEPS; turn++) {
            float[] gradient = numbers(length, scale, random);
            last.addLast(gradient);
            if (last.size() > size) {
                last.removeFirst();
            }
            float[] found =
                    transformed(new NaturalGradient(0, size, damping), states, gradient, turn);
            double[] residual = product(last, damping, found);
            for (int i = 0; i < length; i++) {
                assertThat(residual[i]).isCloseTo(gradient[i], within(scale * 2e-5));
            }
        }
    }

    private static float[] transformed(
            NaturalGradient natural, float[][] states, float[] gradient, int turn) {
        Matrix place =
                new Matrix(Arena.ofAuto().allocate(4L * gradient.length), 0, 1, gradient.length);
        place.store(0, gradient, 0, gradient.length);
        natural.transform(
                new ArrayTensor(gradient, gradient.length, states, 0, new Random(turn)),
                place,
                turn);
        float[] found = new float[gradient.length];
        place.load(0, found, 0, found.length);
        return found;
    }

    /** λ x + Σ g (g · x), which gives back the newest. */
    private static double[] product(Iterable<float[]> gradients, double damping, float[] x) {
        double[] sum = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            sum[i] = damping * x[i];
        }
        for (float[] gradient : gradients) {
            double dot = 0;
            for (int i = 0; i < x.length; i++) {
                dot += (double) gradient[i] * x[i];
            }
            for (int i = 0; i < x.length; i++) {
                sum[i] += dot * gradient[i];
            }
        }
        return sum;
    }

    private static float[] numbers(int count, float scale, Random random) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = scale * (random.nextFloat() - 0.5f);
        }
        return numbers;
    }

    @Test
    void gradientsThatAreAlikeMakeASmallStepOfTheirOwn() {
        float[] gradient = {30, -40};
        float[][] states = {new float[2 * gradient.length]};
        NaturalGradient natural = new NaturalGradient(0, 2, 1e-3);
        transformed(natural, states, gradient, 1);
        float[] found = transformed(natural, states, gradient, 2);
        double factor = 1 / (1e-3 + 2 * 2500); // (λ + 2 ‖g‖²)⁻¹
        assertThat((double) found[0]).isCloseTo(30 * factor, within(1e-9));
        assertThat((double) found[1]).isCloseTo(-40 * factor, within(1e-9));
    }

    /** Where λ is nothing beside them in double, a pivot would be the root of what is below 0. */
    @ParameterizedTest
    @ValueSource(floats = {0f, 1e-30f, 3e6f, 1e15f})
    void gradientsOfAnySizeMakeNumbers(float value) {
        float[] gradient = {value, -value, value / 3};
        float[][] states = {new float[2 * gradient.length]};
        NaturalGradient natural = new NaturalGradient(0, 2, 1e-3);
        for (int turn = 1; turn <= 4; turn++) {
            for (float found : transformed(natural, states, gradient, turn)) {
                assertThat(found).isFinite();
            }
        }
    }

    /** Vectors, and matrices that are not projected, take the steps of galore. */
    @Test
    void whatIsNotProjectedIsGaloresOwn() {
        GaLore galore = new GaLore(4, 3, 0.25);
        for (List<Long> shape : List.of(List.of(9L), List.of(4L, 7L))) {
            float[] start = TiledTensor.start(shape, 1);
            TiledTensor plain = new TiledTensor(galore, shape, start, 2, new Random(1));
            TiledTensor natural =
                    new TiledTensor(
                            new NaturalGaLore(galore, 3, 1e-3), shape, start, 2, new Random(1));
            for (int turn = 1; turn < STEPS; turn++) {
                TensorTurn next = new TensorTurn(turn, turn, 0.1, 0, shape, 7);
                float[] gradient = TiledTensor.gradient(shape, 2, turn);
                plain.step(next, gradient);
                natural.step(next, gradient);
            }
            assertThat(natural.parameters()).isEqualTo(plain.parameters()).isNotEqualTo(start);
            assertThat(natural.states()[3]).isEmpty();
        }
    }
}
