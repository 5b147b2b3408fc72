package io.millrace.executor.cpu.gradient.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.cpu.op.Memory;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.GatedUnit;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Against central differences of the activations' definitions in double. */
final class ActivationGradientTest {
    private static final int[] COUNTS = {1, 7, 65, 100, 2049};
    private static final double BOUND = 2e-6; // of the gradient's size, and absolute below 1

    @ParameterizedTest
    @EnumSource(Activation.class)
    void multipliesByTheSlope(Activation activation) {
        SplittableRandom random = new SplittableRandom(21);
        for (int count : COUNTS) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment x = Memory.random(arena, random, 1L + count, 3);
                MemorySegment gradient = Memory.random(arena, random, 3L + count, 1);
                MemorySegment before = Memory.copy(arena, gradient);
                ActivationGradient.multiply(activation, x, 1, gradient, 2, count);
                for (int i = 0; i < count; i++) {
                    double want =
                            Memory.at(before, 2L + i) * slope(activation, Memory.at(x, 1L + i));
                    close(Memory.at(gradient, 2L + i), want, activation);
                }
                assertThat(Memory.bits(gradient, 1)).isEqualTo(Memory.bits(before, 1));
                assertThat(Memory.bits(gradient, 2L + count))
                        .isEqualTo(Memory.bits(before, 2L + count));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Activation.class)
    void isFlatOrStraightFarOut(Activation activation) {
        float[] far = {-Float.MAX_VALUE, -1e20f, -1e4f, -100, 100, 1e4f, 1e20f, Float.MAX_VALUE};
        try (Arena arena = Arena.ofConfined()) {
            // The count of a vector's lanes and more, so that loop and tail are both met.
            MemorySegment x = arena.allocate(100 * 4L, 64);
            MemorySegment gradient = arena.allocate(100 * 4L, 64);
            for (int i = 0; i < 100; i++) {
                x.setAtIndex(ValueLayout.JAVA_FLOAT, i, far[i % far.length]);
                gradient.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
            }
            x.setAtIndex(ValueLayout.JAVA_FLOAT, 3, Float.NaN);
            ActivationGradient.multiply(activation, x, 0, gradient, 0, 100);
            assertThat(Memory.at(gradient, 3)).isNaN();
            for (int i = 4; i < 100; i++) {
                boolean rises = activation != Activation.TANH && Memory.at(x, i) > 0;
                close(Memory.at(gradient, i), rises ? 1 : 0, activation);
            }
        }
    }

    @Test
    void isFlatWhereARectifierBends() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment x = arena.allocate(40 * 4L, 64);
            MemorySegment gradient = Memory.random(arena, new SplittableRandom(22), 40, 1);
            ActivationGradient.multiply(Activation.RELU, x, 0, gradient, 0, 40);
            for (int i = 0; i < 40; i++) {
                assertThat(Memory.at(gradient, i)).isZero();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Activation.class)
    void writesTheGradientsOfGatesAndOfWhatTheyGate(Activation activation) {
        for (int count : COUNTS) {
            checkGated(GatedUnit.of(activation), count, false);
            checkGated(GatedUnit.of(activation), count, true);
            checkGated(new GatedUnit(activation, true, 1.5f), count, false);
            checkGated(new GatedUnit(activation, false, 1.5f), count, true);
        }
    }

    private static void checkGated(GatedUnit unit, int count, boolean inPlace) {
        SplittableRandom random = new SplittableRandom(23);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment gradOut = Memory.random(arena, random, 1L + count, 1);
            MemorySegment before = Memory.copy(arena, gradOut);
            MemorySegment gate = Memory.random(arena, random, 2L + count, 2);
            MemorySegment up = Memory.random(arena, random, 3L + count, 2);
            // What stands at a limit is not held by it.
            gate.setAtIndex(ValueLayout.JAVA_FLOAT, 2, 1.5f);
            up.setAtIndex(ValueLayout.JAVA_FLOAT, 3, -1.5f);
            MemorySegment gradGate = inPlace ? gradOut : Memory.poisoned(arena, 5L + count);
            long gateTo = inPlace ? 1 : 4;
            MemorySegment gradUp = Memory.poisoned(arena, 6L + count);
            ActivationGradient.gated(
                    unit, gradOut, 1, gate, 2, up, 3, gradGate, gateTo, gradUp, 5, count);
            float most = unit.isLimited() ? unit.limit() : Float.POSITIVE_INFINITY;
            for (int i = 0; i < count; i++) {
                double g = Memory.at(before, 1L + i);
                double a = Memory.at(gate, 2L + i);
                double b = Memory.at(up, 3L + i);
                double other = Math.clamp(b, -most, most) + (unit.isLimited() ? 1 : 0);
                double ofGate = a > most ? 0 : g * other * slope(unit.activation(), a);
                double value = value(unit.activation(), Math.min(a, most));
                close(Memory.at(gradGate, gateTo + i), ofGate, unit);
                close(Memory.at(gradUp, 5L + i), Math.abs(b) > most ? 0 : g * value, unit);
            }
            assertThat(Memory.isPoison(gradUp, 4)).isTrue();
            assertThat(Memory.isPoison(gradUp, 5L + count)).isTrue();
            assertThat(inPlace || Memory.isPoison(gradGate, 4L + count)).isTrue();
        }
    }

    @Test
    void joinsWhatWasParted() {
        SplittableRandom random = new SplittableRandom(24);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment both = Memory.random(arena, random, 1 + 2 * 7, 1);
            MemorySegment gates = Memory.poisoned(arena, 2 + 7);
            MemorySegment ups = Memory.poisoned(arena, 3 + 7);
            MemorySegment again = Memory.poisoned(arena, 1 + 2 * 7);
            Rows.part(both, 1, gates, 2, ups, 3, 7);
            Rows.join(gates, 2, ups, 3, again, 1, 7);
            assertThat(again.asSlice(4).mismatch(both.asSlice(4))).isEqualTo(-1);
        }
    }

    private static void close(float have, double want, Object what) {
        assertThat((double) have)
                .as("%s", what)
                .isCloseTo(want, within(BOUND * (Math.abs(want) + 1)));
    }

    private static double slope(Activation activation, double x) {
        if (activation == Activation.RELU) {
            return x > 0 ? 1 : 0;
        }
        double step = 1e-3;
        double near = value(activation, x + step) - value(activation, x - step);
        double far = value(activation, x + 2 * step) - value(activation, x - 2 * step);
        return (8 * near - far) / (12 * step);
    }

    private static double value(Activation activation, double x) {
        return switch (activation) {
            case RELU -> Math.max(x, 0);
            case GELU_EXACT -> x * normal(x);
            case GELU_TANH ->
                    x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
            case SILU -> x / (1 + Math.exp(-x));
            case TANH -> Math.tanh(x);
            case GELU_SIGMOID -> x / (1 + Math.exp(-1.702 * x));
        };
    }

    /** Φ by its series about 0, and by its continued fraction in the tails. */
    private static double normal(double x) {
        double density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
        if (Math.abs(x) > 5) {
            double fraction = Math.abs(x);
            for (int k = 60; k >= 1; k--) {
                fraction = Math.abs(x) + k / fraction;
            }
            return x < 0 ? density / fraction : 1 - density / fraction;
        }
        double term = x;
        double sum = x;
        for (int k = 1; k < 200; k++) {
            term *= x * x / (2 * k + 1);
            sum += term;
        }
        return 0.5 + density * sum;
    }
}
