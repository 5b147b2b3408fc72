package io.millrace.executor.cpu.gradient.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.cpu.op.Loss;
import io.millrace.executor.cpu.op.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against softmax in double, whose gradients are held against differences of the loss. */
final class LossGradientTest {
    private static final float WEIGHT = 0.37f;
    private static final int ROWS = 4;

    @ParameterizedTest
    @CsvSource({
        "1,0,1",
        "7,0,1",
        "65,0,3",
        "100,0,40",
        "2500,0,5",
        "7,3,4",
        "65,30,20",
        "100,1,3",
        "2500,2,2"
    })
    void logitsBecomeTheirGradients(int vocabulary, float softcap, double spread) {
        SplittableRandom random = new SplittableRandom(51);
        long stride = vocabulary + 3L;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment logits = Memory.random(arena, random, 2 + ROWS * stride, spread);
            MemorySegment before = Memory.copy(arena, logits);
            int[] targets = {-9, random.nextInt(vocabulary), -1, 0, vocabulary - 1};
            double[] losses = {-7, Double.NaN, Double.NaN, Double.NaN, Double.NaN};
            LossGradient.replace(
                    logits, 2, stride, ROWS, vocabulary, softcap, WEIGHT, targets, 1, losses);
            assertThat(losses[0]).isEqualTo(-7);
            for (int row = 0; row < ROWS; row++) {
                long at = 2 + row * stride;
                double[] x = new double[vocabulary];
                for (int i = 0; i < vocabulary; i++) {
                    x[i] = Memory.at(before, at + i);
                }
                int target = targets[1 + row];
                double loss = target < 0 ? 0 : loss(x, target, softcap);
                assertThat(losses[1 + row]).isCloseTo(loss, within(2e-6 * (spread + loss)));
                for (int i = 0; i < vocabulary; i++) {
                    double want = target < 0 ? 0 : WEIGHT * gradient(x, target, softcap, i);
                    // The exponential of a logit in float is known to its size, the slope of a cap
                    // to a tanh's error.
                    double beforeCap = target < 0 ? 0 : WEIGHT * uncapped(x, target, softcap, i);
                    double bound =
                            1e-6 * (spread + 2) * Math.abs(want)
                                    + (softcap == 0 ? 0 : 2e-6) * Math.abs(beforeCap)
                                    + 1e-37;
                    assertThat((double) Memory.at(logits, at + i))
                            .as("row %d, id %d", row, i)
                            .isCloseTo(want, within(bound));
                }
                assertThat(Memory.bits(logits, at + vocabulary))
                        .isEqualTo(Memory.bits(before, at + vocabulary));
            }
        }
    }

    private static double loss(double[] x, int target, double softcap) {
        double top = Double.NEGATIVE_INFINITY;
        for (double value : x) {
            top = Math.max(top, capped(value, softcap));
        }
        double sum = 0;
        for (double value : x) {
            sum += Math.exp(capped(value, softcap) - top);
        }
        return Math.log(sum) + top - capped(x[target], softcap);
    }

    private static double capped(double x, double softcap) {
        return softcap == 0 ? x : softcap * Math.tanh(x / softcap);
    }

    private static double gradient(double[] x, int target, double softcap, int i) {
        double tanh = softcap == 0 ? 0 : Math.tanh(x[i] / softcap);
        return uncapped(x, target, softcap, i) * (1 - tanh * tanh);
    }

    /** Of the capped logits; the softmax of an id is its likelihood. */
    private static double uncapped(double[] x, int target, double softcap, int i) {
        double loss = loss(x, i, softcap);
        return i == target ? Math.expm1(-loss) : Math.exp(-loss);
    }

    @Test
    void theGradientInDoubleIsTheSlopeOfTheLoss() {
        SplittableRandom random = new SplittableRandom(52);
        for (double softcap : new double[] {0, 1.5}) {
            double[] x = new double[9];
            for (int i = 0; i < x.length; i++) {
                x[i] = random.nextGaussian();
            }
            for (int i = 0; i < x.length; i++) {
                double old = x[i];
                x[i] = old + 1e-5;
                double more = loss(x, 4, softcap);
                x[i] = old - 1e-5;
                double less = loss(x, 4, softcap);
                x[i] = old;
                assertThat(gradient(x, 4, softcap, i))
                        .isCloseTo((more - less) / 2e-5, within(1e-9));
            }
        }
    }

    @Test
    void keepsTheSmallRestOfACertainTarget() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment logits = arena.allocate(40 * 4L, 64);
            logits.setAtIndex(ValueLayout.JAVA_FLOAT, 5, 30);
            double[] losses = new double[1];
            LossGradient.replace(logits, 0, 40, 1, 40, 0, 1, new int[] {5}, 0, losses);
            double rest = 39 * Math.exp(-30); // 1 less this is 1 in float
            assertThat((double) Memory.at(logits, 0)).isCloseTo(rest / 39, within(1e-6 * rest));
            assertThat((double) Memory.at(logits, 5)).isCloseTo(-rest, within(1e-6 * rest));
            assertThat(losses[0]).isCloseTo(rest, within(1e-6 * rest));
        }
    }

    @ParameterizedTest
    @CsvSource({"NaN,0", "Infinity,0", "-Infinity,0", "NaN,3", "Infinity,3"})
    void aLogitThatIsNotFiniteMakesItsRowNaNAndNoOther(float logit, float softcap) {
        SplittableRandom random = new SplittableRandom(53);
        try (Arena arena = Arena.ofConfined()) {
            for (int place : new int[] {0, 39, 64}) {
                MemorySegment logits = Memory.random(arena, random, 3 * 65, 1);
                logits.setAtIndex(ValueLayout.JAVA_FLOAT, 65 + place, logit);
                double[] losses = new double[3];
                LossGradient.replace(
                        logits, 0, 65, 3, 65, softcap, 1, new int[] {3, 3, 3}, 0, losses);
                assertThat(losses[0]).isFinite();
                assertThat(losses[1]).isNaN();
                assertThat(losses[2]).isFinite();
                for (int i = 0; i < 3 * 65; i++) {
                    assertThat(Float.isNaN(Memory.at(logits, i))).isEqualTo(i / 65 == 1);
                }
            }
        }
    }

    @Test
    void ignoresWhatTheForwardIgnoresAndRefusesWhatIsNoId() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment logits = Memory.poisoned(arena, 7);
            double[] losses = {5};
            LossGradient.replace(logits, 0, 7, 1, 7, 0, 1, new int[] {Loss.IGNORED}, 0, losses);
            assertThat(losses[0]).isZero();
            assertThat(Memory.at(logits, 6)).isZero();
            assertThatThrownBy(() ->
                            LossGradient.replace(
                                    logits, 0, 7, 1, 7, 0, 1, new int[] {7}, 0, losses))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }
}
