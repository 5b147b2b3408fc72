package io.millrace.executor.cpu.gradient.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.cpu.op.Memory;
import io.millrace.model.spec.NormSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Against central differences of the norm in double; gradients are of the size of 1. */
final class NormGradientTest {
    private static final int[] WIDTHS = {1, 7, 16, 65, 100, 1030};
    private static final double BOUND = 5e-6; // of what float32 sums of this size leave
    private static final int ROWS = 3;

    @ParameterizedTest
    @EnumSource(NormSpec.Kind.class)
    void addsTheGradientsOfRowsFactorsAndSummands(NormSpec.Kind kind) {
        SplittableRandom random = new SplittableRandom(11);
        for (int width : WIDTHS) {
            check(spec(kind, width, 0), random);
            check(spec(kind, width, 1), random);
        }
    }

    private static NormSpec spec(NormSpec.Kind kind, int width, float plus) {
        return new NormSpec(kind, "w", "b", width, 1e-3f, plus);
    }

    private static void check(NormSpec spec, SplittableRandom random) {
        int width = spec.width();
        long stride = width + 3L;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment in = Memory.random(arena, random, 1 + ROWS * stride, 1);
            MemorySegment weight = Memory.random(arena, random, 2L + width, 1);
            MemorySegment gradient = Memory.random(arena, random, 3 + ROWS * (stride + 1), 1);
            MemorySegment gradIn = Memory.random(arena, random, 4 + ROWS * (stride + 2), 1);
            MemorySegment gradWeight = Memory.random(arena, random, 5L + width, 1);
            MemorySegment gradBias = Memory.random(arena, random, 6L + width, 1);
            MemorySegment inBefore = Memory.copy(arena, gradIn);
            MemorySegment weightBefore = Memory.copy(arena, gradWeight);
            MemorySegment biasBefore = Memory.copy(arena, gradBias);
            NormGradient.add(
                    spec,
                    in,
                    1,
                    stride,
                    new NormGradient.Factors(weight, 2, gradWeight, 5, gradBias, 6),
                    gradient,
                    3,
                    stride + 1,
                    gradIn,
                    4,
                    stride + 2,
                    ROWS);
            double[] wantWeight = new double[width];
            double[] wantBias = new double[width];
            for (int row = 0; row < ROWS; row++) {
                double[] x = doubles(in, 1 + row * stride, width);
                double[] w = doubles(weight, 2, width);
                double[] g = doubles(gradient, 3 + row * (stride + 1), width);
                for (int i = 0; i < width; i++) {
                    wantWeight[i] += difference(spec, x, w, g, w, i);
                    wantBias[i] += g[i];
                    long at = 4 + row * (stride + 2) + i;
                    double want = Memory.at(inBefore, at) + difference(spec, x, w, g, x, i);
                    close(Memory.at(gradIn, at), want, spec);
                }
                long behind = 4 + row * (stride + 2) + width;
                assertThat(Memory.bits(gradIn, behind)).isEqualTo(Memory.bits(inBefore, behind));
            }
            for (int i = 0; i < width; i++) {
                close(
                        Memory.at(gradWeight, 5L + i),
                        Memory.at(weightBefore, 5L + i) + wantWeight[i],
                        spec);
                close(
                        Memory.at(gradBias, 6L + i),
                        Memory.at(biasBefore, 6L + i) + wantBias[i],
                        spec);
            }
        }
    }

    @Test
    void replacesTheGradientsOfHeads() {
        int dim = 20;
        int heads = 3;
        long headStride = dim + 1L;
        long rowStride = heads * headStride + 5;
        for (NormSpec.Kind kind : NormSpec.Kind.values()) {
            SplittableRandom random = new SplittableRandom(12);
            NormSpec spec = spec(kind, dim, 1);
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment in = Memory.random(arena, random, 2 + ROWS * (rowStride + 9), 1);
                MemorySegment weight = Memory.random(arena, random, dim, 1);
                MemorySegment gradient = Memory.random(arena, random, 3 + ROWS * rowStride, 1);
                MemorySegment before = Memory.copy(arena, gradient);
                MemorySegment gradWeight = arena.allocate(dim * 4L, 64);
                NormGradient.replaceHeads(
                        spec,
                        in,
                        2,
                        rowStride + 9,
                        headStride + 2,
                        new NormGradient.Factors(weight, 0, gradWeight, 0, null, 0),
                        gradient,
                        3,
                        rowStride,
                        headStride,
                        heads,
                        ROWS);
                double[] w = doubles(weight, 0, dim);
                double[] wantWeight = new double[dim];
                MemorySegment want = Memory.copy(arena, before);
                for (int row = 0; row < ROWS; row++) {
                    for (int head = 0; head < heads; head++) {
                        long from = 2 + row * (rowStride + 9) + head * (headStride + 2);
                        long at = 3 + row * rowStride + head * headStride;
                        double[] x = doubles(in, from, dim);
                        double[] g = doubles(before, at, dim);
                        for (int i = 0; i < dim; i++) {
                            wantWeight[i] += difference(spec, x, w, g, w, i);
                            double change = difference(spec, x, w, g, x, i);
                            want.setAtIndex(ValueLayout.JAVA_FLOAT, at + i, (float) change);
                        }
                    }
                }
                for (int i = 0; i < 3 + ROWS * rowStride; i++) {
                    close(Memory.at(gradient, i), Memory.at(want, i), spec);
                }
                for (int i = 0; i < dim; i++) {
                    close(Memory.at(gradWeight, i), wantWeight[i], spec);
                }
            }
        }
    }

    @Test
    void writesWithoutReadingWhatWasThereAndForNobodyElse() {
        int width = 65;
        SplittableRandom random = new SplittableRandom(13);
        NormSpec spec = spec(NormSpec.Kind.LAYER, width, 0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment in = Memory.random(arena, random, width, 1);
            MemorySegment weight = Memory.random(arena, random, width, 1);
            MemorySegment gradient = Memory.random(arena, random, width, 1);
            MemorySegment out = Memory.poisoned(arena, width + 1L);
            NormGradient.Factors factors = new NormGradient.Factors(weight, 0, null, 0, null, 0);
            NormGradient.write(spec, in, 0, width, factors, gradient, 0, width, out, 0, width, 1);
            double[] x = doubles(in, 0, width);
            double[] w = doubles(weight, 0, width);
            double[] g = doubles(gradient, 0, width);
            for (int i = 0; i < width; i++) {
                close(Memory.at(out, i), difference(spec, x, w, g, x, i), spec);
            }
            assertThat(Memory.isPoison(out, width)).isTrue();
        }
    }

    private static void close(float have, double want, NormSpec spec) {
        // A row of one or of few elements that lie close together is scaled by up to 1/√ε.
        double bound = BOUND * (Math.abs(want) + 1) * (spec.width() < 16 ? 10 : 1);
        assertThat((double) have).as("%s", spec).isCloseTo(want, within(bound));
    }

    private static double[] doubles(MemorySegment segment, long at, int count) {
        double[] values = new double[count];
        for (int i = 0; i < count; i++) {
            values[i] = Memory.at(segment, at + i);
        }
        return values;
    }

    /** How fast Σ g ∘ norm(x, w) changes with element i of what is x or w. */
    private static double difference(
            NormSpec spec, double[] x, double[] w, double[] g, double[] of, int i) {
        double old = of[i];
        double step = 1e-4;
        of[i] = old + step;
        double more = product(spec, x, w, g);
        of[i] = old - step;
        double less = product(spec, x, w, g);
        of[i] = old + 2 * step;
        double muchMore = product(spec, x, w, g);
        of[i] = old - 2 * step;
        double muchLess = product(spec, x, w, g);
        of[i] = old;
        return (8 * (more - less) - (muchMore - muchLess)) / (12 * step);
    }

    private static double product(NormSpec spec, double[] x, double[] w, double[] g) {
        int width = spec.width();
        double mean = 0;
        if (spec.kind() == NormSpec.Kind.LAYER) {
            for (double value : x) {
                mean += value / width;
            }
        }
        double square = 0;
        for (double value : x) {
            square += (value - mean) * (value - mean) / width;
        }
        double sum = 0;
        for (int i = 0; i < width; i++) {
            double normed = (x[i] - mean) / Math.sqrt(square + spec.epsilon());
            sum += g[i] * normed * (w[i] + spec.weightOffset());
        }
        return sum;
    }
}
