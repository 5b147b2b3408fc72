package io.millrace.executor.cpu.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.model.spec.NormSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class NormsTest {
    private static final int[] WIDTHS = {1, 2, 8, 15, 16, 33, 100, 768, 1024, 1030, 5120};

    @ParameterizedTest
    @EnumSource(NormSpec.Kind.class)
    void agreesWithDoubleForAnyWidth(NormSpec.Kind kind) {
        long seed = Memory.seed();
        SplittableRandom random = new SplittableRandom(seed);
        for (int width : WIDTHS) {
            for (boolean biased : new boolean[] {false, true}) {
                check(kind, width, biased, random, "seed " + seed + ", width " + width);
            }
        }
    }

    private static void check(
            NormSpec.Kind kind, int width, boolean biased, SplittableRandom random, String name) {
        int rows = 3;
        long inStride = width + 3L;
        long outStride = width + 2L;
        NormSpec spec =
                new NormSpec(kind, "w", biased ? "b" : null, width, 1e-5f, random.nextInt(2));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment in = Memory.random(arena, random, 1 + rows * inStride, 2);
            for (long i = 0; i < rows * inStride; i++) {
                CheckedFloats.set(in, 1 + i, Memory.at(in, 1 + i) + 7); // a mean that must cancel
            }
            MemorySegment weight = Memory.random(arena, random, width + 2L, 1);
            MemorySegment bias = biased ? Memory.random(arena, random, width, 1) : null;
            MemorySegment out = Memory.poisoned(arena, 4 + rows * outStride);
            Norms.apply(spec, in, 1, inStride, weight, 2, bias, 0, out, 4, outStride, rows);
            for (int r = 0; r < rows; r++) {
                double[] want = oracle(spec, in, 1 + r * inStride, weight, 2, bias);
                double mean = meanError(spec, in, 1 + r * inStride);
                for (int i = 0; i < width; i++) {
                    double bound = 3e-6 * (Math.abs(want[i]) + 1) + 2 * mean;
                    assertThat((double) Memory.at(out, 4 + r * outStride + i))
                            .as("%s at %d,%d", name, r, i)
                            .isCloseTo(want[i], within(bound));
                }
                assertThat(Memory.isPoison(out, 4 + r * outStride + width)).as(name).isTrue();
            }
            Norms.apply(spec, in, 1, inStride, weight, 2, bias, 0, in, 1, inStride, rows);
            for (int r = 0; r < rows; r++) {
                assertThat(
                                in.asSlice(4 * (1 + r * inStride), 4L * width)
                                        .mismatch(out.asSlice(4 * (4 + r * outStride), 4L * width)))
                        .as(name)
                        .isEqualTo(-1);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 64, 77})
    void addsToTheResidualFirst(int width) {
        SplittableRandom random = new SplittableRandom(3);
        NormSpec spec = new NormSpec(NormSpec.Kind.RMS, "w", null, width, 1e-6f, 0);
        int rows = 4;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment update = Memory.random(arena, random, (long) rows * width, 1);
            MemorySegment residual = Memory.random(arena, random, (long) rows * width, 1);
            MemorySegment weight = Memory.random(arena, random, width, 1);
            MemorySegment out = Memory.poisoned(arena, (long) rows * width);
            MemorySegment sum = Memory.copy(arena, residual);
            Rows.add(update, 0, sum, 0, (long) rows * width);
            MemorySegment want = Memory.poisoned(arena, (long) rows * width);
            Norms.apply(spec, sum, 0, width, weight, 0, null, 0, want, 0, width, rows);
            Norms.addAndApply(
                    spec, update, 0, width, residual, 0, width, weight, 0, null, 0, out, 0, width,
                    rows);
            assertThat(Memory.sameBits(residual, sum)).isTrue();
            assertThat(Memory.sameBits(out, want)).isTrue();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 20, 128})
    void normsEachHeadByItself(int headDim) {
        SplittableRandom random = new SplittableRandom(4);
        NormSpec spec = new NormSpec(NormSpec.Kind.RMS, "w", null, headDim, 1e-6f, 0);
        int rows = 3;
        int heads = 2;
        long headStride = headDim + 4L;
        long rowStride = 3 * headStride;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = Memory.random(arena, random, 5 + rows * rowStride, 1);
            MemorySegment before = Memory.copy(arena, data);
            MemorySegment weight = Memory.random(arena, random, headDim, 1);
            Norms.applyHeads(spec, data, 5, rowStride, headStride, heads, weight, 0, null, 0, rows);
            boolean[] touched = new boolean[(int) (5 + rows * rowStride)];
            for (int r = 0; r < rows; r++) {
                for (int h = 0; h < heads; h++) {
                    long at = 5 + r * rowStride + h * headStride;
                    double[] want = oracle(spec, before, at, weight, 0, null);
                    for (int i = 0; i < headDim; i++) {
                        touched[(int) at + i] = true;
                        assertThat((double) Memory.at(data, at + i))
                                .isCloseTo(want[i], within(3e-6 * (Math.abs(want[i]) + 1)));
                    }
                }
            }
            for (int i = 0; i < touched.length; i++) {
                if (!touched[i]) {
                    assertThat(Memory.bits(data, i)).isEqualTo(Memory.bits(before, i));
                }
            }
        }
    }

    /**
     * What rounding the mean to a float, by half a unit in its last place, makes of the result:
     * much where a row's elements lie close together, as the two of a row of two now and then do.
     */
    private static double meanError(NormSpec spec, MemorySegment in, long at) {
        if (spec.kind() != NormSpec.Kind.LAYER || spec.width() == 1) {
            return 0;
        }
        double mean = 0;
        for (int i = 0; i < spec.width(); i++) {
            mean += (double) Memory.at(in, at + i) / spec.width();
        }
        double square = 0;
        for (int i = 0; i < spec.width(); i++) {
            square += Math.pow(Memory.at(in, at + i) - mean, 2) / spec.width();
        }
        return Math.ulp((float) mean) / 2 / Math.sqrt(square + spec.epsilon());
    }

    private static double[] oracle(
            NormSpec spec,
            MemorySegment in,
            long at,
            MemorySegment weight,
            long weightAt,
            MemorySegment bias) {
        int width = spec.width();
        double mean = 0;
        if (spec.kind() == NormSpec.Kind.LAYER) {
            for (int i = 0; i < width; i++) {
                mean += (double) Memory.at(in, at + i) / width;
            }
        }
        double square = 0;
        for (int i = 0; i < width; i++) {
            square += Math.pow(Memory.at(in, at + i) - mean, 2) / width;
        }
        double[] out = new double[width];
        for (int i = 0; i < width; i++) {
            double w = (double) Memory.at(weight, weightAt + i) + spec.weightOffset();
            double b = bias == null ? 0 : Memory.at(bias, i);
            out[i] = (Memory.at(in, at + i) - mean) / Math.sqrt(square + spec.epsilon()) * w + b;
        }
        return out;
    }
}
