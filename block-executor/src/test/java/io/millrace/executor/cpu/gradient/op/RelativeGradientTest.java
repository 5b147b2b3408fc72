package io.millrace.executor.cpu.gradient.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.cpu.op.Attention;
import io.millrace.executor.cpu.op.HeadRows;
import io.millrace.executor.cpu.op.Memory;
import io.millrace.executor.cpu.op.RelativeScores;
import io.millrace.model.spec.RelativeRows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What distances add to scores, on its way back: sequences of several tiles, against double. */
class RelativeGradientTest {
    private static final int HEADS = 2;
    private static final int DIM = 8;
    private static final int WIDTH = HEADS * DIM;

    // Of the largest of each: float32 sums over up to 200 tokens, those of two sequences.
    private static final double BOUND = 2e-5;

    @ParameterizedTest
    @CsvSource({
        // keys, queries, softcap, buckets
        "true, true, 0, 0",
        "true, false, 0, 0",
        "false, true, 0, 16",
        "true, true, 2, 16"
    })
    void agreesWithDouble(boolean keys, boolean queries, float softcap, int buckets) {
        int[] lengths = {70, 200};
        RelativeRows rows = new RelativeRows(buckets == 0 ? 40 : 12, buckets, 64, 256);
        int table = rows.rows();
        SplittableRandom random = new SplittableRandom(91);
        Attention.Shape shape =
                new Attention.Shape(
                        HEADS,
                        HEADS,
                        DIM,
                        DIM,
                        0.2f,
                        softcap,
                        new Attention.Sight(0, Integer.MAX_VALUE),
                        List.of());
        try (Arena arena = Arena.ofConfined();
                AttentionGradient kernel = AttentionGradientTest.kernel(200)) {
            int all = lengths[0] + lengths[1];
            MemorySegment projected = Memory.random(arena, random, (long) all * 3 * WIDTH, 1);
            MemorySegment gradients = Memory.poisoned(arena, (long) all * 3 * WIDTH);
            MemorySegment context = Memory.random(arena, random, (long) all * WIDTH, 1);
            MemorySegment tableKeys = Memory.random(arena, random, (long) table * WIDTH, 1);
            MemorySegment tableQueries = Memory.random(arena, random, (long) table * WIDTH, 1);
            MemorySegment ofKeys = arena.allocate(4L * table * WIDTH, 64);
            MemorySegment ofQueries = arena.allocate(4L * table * WIDTH, 64);
            AttentionGradient.Relative relative =
                    new AttentionGradient.Relative(
                            new RelativeScores.Rows(
                                    rows.table(),
                                    keys ? heads(tableKeys, 0, WIDTH) : null,
                                    queries ? heads(tableQueries, 0, WIDTH) : null),
                            keys ? heads(ofKeys, 0, WIDTH) : null,
                            queries ? heads(ofQueries, 0, WIDTH) : null);
            double[][][] wantKeys = new double[HEADS][table][DIM];
            double[][][] wantQueries = new double[HEADS][table][DIM];
            int first = 0;
            for (int count : lengths) {
                for (int head = 0; head < HEADS; head++) {
                    kernel.run(
                            shape,
                            projections(projected),
                            heads(context, 0, WIDTH),
                            projections(gradients),
                            null,
                            relative,
                            first,
                            count,
                            head);
                }
                PlainAttention plain = new PlainAttention(shape, count);
                fill(plain.q, projected, first, 0, 3 * WIDTH);
                fill(plain.k, projected, first, WIDTH, 3 * WIDTH);
                fill(plain.v, projected, first, 2 * WIDTH, 3 * WIDTH);
                Arrays.fill(plain.sinks, Double.NEGATIVE_INFINITY);
                plain.distances = new int[2 * count - 1];
                for (int i = 0; i < plain.distances.length; i++) {
                    plain.distances[i] = rows.row(i + 1 - count);
                }
                if (keys) {
                    plain.distanceKeys = new double[HEADS][table][DIM];
                    fill(plain.distanceKeys, tableKeys, 0, 0, WIDTH);
                    plain.gradDistanceKeys = wantKeys;
                }
                if (queries) {
                    plain.distanceQueries = new double[HEADS][table][DIM];
                    fill(plain.distanceQueries, tableQueries, 0, 0, WIDTH);
                    plain.gradDistanceQueries = wantQueries;
                }
                double[][][] gradContext = new double[HEADS][count][DIM];
                fill(gradContext, context, first, 0, WIDTH);
                plain.gradients(gradContext);
                compare(plain.gradQ, gradients, first, 0, 3 * WIDTH);
                compare(plain.gradK, gradients, first, WIDTH, 3 * WIDTH);
                compare(plain.gradV, gradients, first, 2 * WIDTH, 3 * WIDTH);
                first += count;
            }
            compare(wantKeys, ofKeys, 0, 0, WIDTH);
            compare(wantQueries, ofQueries, 0, 0, WIDTH);
        }
    }

    private static HeadRows heads(MemorySegment segment, long offset, long rowStride) {
        return new HeadRows(segment, offset, rowStride, DIM);
    }

    private static ProjectedHeads projections(MemorySegment segment) {
        return new ProjectedHeads(
                heads(segment, 0, 3 * WIDTH),
                heads(segment, WIDTH, 3 * WIDTH),
                heads(segment, 2 * WIDTH, 3 * WIDTH));
    }

    private static void fill(
            double[][][] values, MemorySegment from, int first, int column, int stride) {
        for (int head = 0; head < HEADS; head++) {
            for (int row = 0; row < values[head].length; row++) {
                for (int d = 0; d < DIM; d++) {
                    long at = (long) (first + row) * stride + column + (long) head * DIM + d;
                    values[head][row][d] = Memory.at(from, at);
                }
            }
        }
    }

    private static void compare(
            double[][][] want, MemorySegment is, int first, int column, int stride) {
        double largest = 0;
        for (double[][] head : want) {
            for (double[] row : head) {
                for (double value : row) {
                    largest = Math.max(largest, Math.abs(value));
                }
            }
        }
        for (int head = 0; head < HEADS; head++) {
            for (int row = 0; row < want[head].length; row++) {
                for (int d = 0; d < DIM; d++) {
                    long at = (long) (first + row) * stride + column + (long) head * DIM + d;
                    assertThat((double) Memory.at(is, at))
                            .as("head %d, row %d, %d", head, row, d)
                            .isCloseTo(want[head][row][d], within(BOUND * largest));
                }
            }
        }
    }
}
