package io.millrace.executor.cpu.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.model.spec.Activation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class ActivationsTest {
    private static final float[] EDGES = {
        0f, -0f, 1e-30f, -1e-30f, 1e-4f, -1e-4f, 0.5f, -0.5f, 1.3037f, -1.3037f, 1.3038f, -5.9f,
        -9f, -12.5f, -20f, 12f, 30f, -40f, 88f, -88f, 120f, -120f, 1e4f, -1e4f
    };

    @ParameterizedTest
    @EnumSource(Activation.class)
    void agreesWithDouble(Activation activation) {
        DoubleUnaryOperator oracle = oracle(activation);
        double worst = 0;
        for (int n : new int[] {1, 3, 15, 16, 17, 31, 100, 5000}) {
            long seed = Memory.seed();
            SplittableRandom random = new SplittableRandom(seed);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment in = Memory.random(arena, random, n + 5L, 3);
                for (int i = 0; i < Math.min(n, EDGES.length); i++) {
                    CheckedFloats.set(in, 2 + i, EDGES[i]);
                }
                MemorySegment out = Memory.poisoned(arena, n + 8L);
                Activations.apply(activation, in, 2, out, 4, n);
                for (int i = 0; i < n; i++) {
                    double x = Memory.at(in, 2L + i);
                    double want = oracle.applyAsDouble(x);
                    double got = Memory.at(out, 4L + i);
                    assertThat(got)
                            .as("seed %d, f(%s)", seed, x)
                            .isCloseTo(want, within(ofInput(activation) * Math.abs(x) + 1e-35));
                    worst = Math.max(worst, Math.abs(got - want) / Math.max(Math.abs(x), 1e-20));
                }
                for (long i = 0; i < 4; i++) {
                    assertThat(Memory.isPoison(out, i)).isTrue();
                    assertThat(Memory.isPoison(out, n + 4 + i)).isTrue();
                }
                Activations.apply(activation, in, 2, in, 2, n);
                assertThat(in.asSlice(8, 4L * n).mismatch(out.asSlice(16, 4L * n))).isEqualTo(-1);
            }
        }
        assertThat(worst).isGreaterThan(activation == Activation.RELU ? -1 : 1e-9);
    }

    /**
     * How far off a value may be, as a share of its input: for those that are x times what one
     * exponential makes, a few units in the last place of the largest term; and what {@link
     * VectorLanes#tanh} says of all floats, where numerator, denominator and quotient are rounded.
     */
    private static double ofInput(Activation activation) {
        return activation == Activation.TANH ? 3e-7 : 2.5e-7;
    }

    @ParameterizedTest
    @EnumSource(Activation.class)
    void passesNaNThrough(Activation activation) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment in = Memory.poisoned(arena, 20);
            MemorySegment out = arena.allocate(80);
            Activations.apply(activation, in, 0, out, 0, 20);
            for (int i = 0; i < 20; i++) {
                assertThat(Memory.at(out, i)).isNaN();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Activation.class)
    void multipliesTheGate(Activation activation) {
        DoubleUnaryOperator oracle = oracle(activation);
        SplittableRandom random = new SplittableRandom(5);
        for (int n : new int[] {1, 17, 2048, 5003}) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment gate = Memory.random(arena, random, n, 2);
                MemorySegment up = Memory.random(arena, random, n + 1L, 2);
                MemorySegment out = Memory.poisoned(arena, n + 4L);
                Activations.gated(activation, gate, 0, up, 1, out, 3, n);
                for (int i = 0; i < n; i++) {
                    double g = Memory.at(gate, i);
                    double u = Memory.at(up, i + 1L);
                    assertThat((double) Memory.at(out, 3L + i))
                            .isCloseTo(
                                    oracle.applyAsDouble(g) * u,
                                    within(4e-7 * Math.abs(g * u) + 1e-30));
                }
                Activations.gated(activation, gate, 0, up, 1, gate, 0, n);
                assertThat(gate.mismatch(out.asSlice(12, 4L * n))).isEqualTo(-1);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Activation.class)
    void givesTheSameBitsInVectorsAndAtTheirEnds(Activation activation) {
        SplittableRandom random = new SplittableRandom(Memory.seed());
        int n = 40 * VectorLanes.LENGTH;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment in = Memory.random(arena, random, n, 5);
            for (int i = 0; i < EDGES.length; i++) {
                CheckedFloats.set(in, i, EDGES[i]);
            }
            CheckedFloats.set(in, n - 1L, Float.NaN);
            MemorySegment whole = Memory.poisoned(arena, n);
            MemorySegment single = Memory.poisoned(arena, n);
            Activations.apply(activation, in, 0, whole, 0, n);
            for (int i = 0; i < n; i++) {
                Activations.apply(activation, in, i, single, i, 1);
                assertThat(Memory.at(single, i))
                        .as("f(%s)", Memory.at(in, i))
                        .isEqualByComparingTo(Memory.at(whole, i));
            }
            Activations.softcap(3, in, 0, whole, 0, n);
            for (int i = 0; i < n; i++) {
                Activations.softcap(3, in, i, single, i, 1);
                assertThat(Memory.at(single, i)).isEqualByComparingTo(Memory.at(whole, i));
            }
        }
    }

    @Test
    void capsSoftly() {
        SplittableRandom random = new SplittableRandom(6);
        try (Arena arena = Arena.ofConfined()) {
            int n = 4001;
            MemorySegment in = Memory.random(arena, random, n, 40);
            MemorySegment out = Memory.poisoned(arena, n);
            Activations.softcap(30f, in, 0, out, 0, n);
            for (int i = 0; i < n; i++) {
                double x = Memory.at(in, i);
                double want = 30 * Math.tanh(x / 30);
                assertThat((double) Memory.at(out, i))
                        .as("softcap(%s)", x)
                        .isCloseTo(want, within(6e-7 * Math.abs(want) + 1e-30));
            }
        }
    }

    @Test
    void exponentialIsWithinOnePartInTenMillion() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment s = arena.allocate(4L * VectorLanes.LENGTH, 64);
            double worst = 0;
            for (float x = -87.3f; x < 88.3f; x += 0.0013f) {
                VectorLanes.store(VectorLanes.exp(VectorLanes.broadcast(x)), s, 0);
                worst = Math.max(worst, Math.abs(Memory.at(s, 0) / Math.exp(x) - 1));
            }
            assertThat(worst).isBetween(1e-9, 1.5e-7);
            VectorLanes.store(
                    VectorLanes.exp(VectorLanes.broadcast(Float.NEGATIVE_INFINITY)), s, 0);
            assertThat(Memory.at(s, 0)).isZero();
            VectorLanes.store(VectorLanes.exp(VectorLanes.broadcast(-1e30f)), s, 0);
            assertThat(Memory.at(s, 0)).isZero();
            VectorLanes.store(VectorLanes.exp(VectorLanes.broadcast(1000f)), s, 0);
            assertThat(Memory.at(s, 0)).isInfinite();
            VectorLanes.store(VectorLanes.exp(VectorLanes.broadcast(0f)), s, 0);
            assertThat(Memory.at(s, 0)).isEqualTo(1f);
        }
    }

    private static DoubleUnaryOperator oracle(Activation activation) {
        return switch (activation) {
            case RELU -> x -> Math.max(x, 0);
            case GELU_EXACT -> x -> x * normalDistribution(x);
            case GELU_TANH ->
                    x ->
                            x
                                    / (1
                                            + Math.exp(
                                                    -2
                                                            * Math.sqrt(2 / Math.PI)
                                                            * (x + 0.044715 * x * x * x)));
            case SILU -> x -> x / (1 + Math.exp(-x));
            case TANH -> Math::tanh;
            case GELU_SIGMOID -> x -> x / (1 + Math.exp(-1.702 * x));
        };
    }

    /** Φ by its Taylor series near 0 and its continued fraction in the tails. */
    private static double normalDistribution(double x) {
        double a = Math.abs(x);
        if (a > 38) {
            return x < 0 ? 0 : 1;
        }
        if (a < 3) {
            double term = x;
            double sum = x;
            for (int i = 1; i < 100; i++) {
                term *= x * x / (2 * i + 1);
                sum += term;
            }
            return 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
        }
        double fraction = a;
        for (int i = 200; i >= 1; i--) {
            fraction = a + i / fraction;
        }
        double upper = Math.exp(-a * a / 2) / Math.sqrt(2 * Math.PI) / fraction;
        return x < 0 ? upper : 1 - upper;
    }
}
