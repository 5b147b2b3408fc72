package io.millrace.executor.cpu.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.model.spec.RelativeRows;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Disentangled attention over any number of tiles, against plain arithmetic in double. */
final class RelativeScoresTest {
    @ParameterizedTest
    @CsvSource({
        // tokens, head size, buckets, farthest, K, Q
        "1, 8, 4, 64, true, true",
        "16, 8, 4, 64, true, true",
        "64, 16, 0, 12, true, true",
        "65, 20, 16, 512, true, false",
        "130, 64, 256, 512, false, true",
        "300, 24, 256, 512, true, true",
        "530, 8, 0, 530, true, true"
    })
    void agreesWithDouble(
            int tokens, int dim, int buckets, int farthest, boolean keys, boolean queries) {
        long seed = Memory.seed();
        SplittableRandom random = new SplittableRandom(seed);
        int heads = 2;
        RelativeRows rows =
                new RelativeRows(buckets > 0 ? buckets : farthest, buckets, farthest, 700);
        float scale = (float) (1 / Math.sqrt(3.0 * dim));
        Attention.Shape shape =
                new Attention.Shape(
                        heads,
                        heads,
                        dim,
                        dim,
                        scale,
                        0,
                        new Attention.Sight(0, Integer.MAX_VALUE),
                        List.of());
        try (Arena arena = Arena.ofConfined();
                Gemm gemm = new Gemm();
                Attention attention = new Attention(gemm)) {
            HeadRows q = heads(arena, random, tokens, heads, dim, 1.5);
            HeadRows k = heads(arena, random, tokens, heads, dim, 1.5);
            HeadRows v = heads(arena, random, tokens, heads, dim, 1);
            HeadRows ofKeys = keys ? heads(arena, random, rows.rows(), heads, dim, 1.5) : null;
            HeadRows ofQueries =
                    queries ? heads(arena, random, rows.rows(), heads, dim, 1.5) : null;
            HeadRows out = heads(arena, random, tokens, heads, dim, 1);
            RelativeScores.Rows relative = new RelativeScores.Rows(rows.table(), ofKeys, ofQueries);
            for (int head = 0; head < heads; head++) {
                for (int tile = 0; tile < Attention.queryTiles(tokens); tile++) {
                    attention.run(
                            shape,
                            q,
                            0,
                            k,
                            v,
                            0,
                            out,
                            relative,
                            0,
                            tokens,
                            head,
                            tile,
                            Float.NEGATIVE_INFINITY);
                }
            }
            for (int head = 0; head < heads; head++) {
                for (int i = 0; i < tokens; i += 1 + tokens / 40) {
                    double[] scores = new double[tokens];
                    for (int j = 0; j < tokens; j++) {
                        int row = rows.row(i - j);
                        double sum = dot(q, i, k, j, head, dim);
                        sum += keys ? dot(q, i, ofKeys, row, head, dim) : 0;
                        sum += queries ? dot(k, j, ofQueries, row, head, dim) : 0;
                        scores[j] = sum * scale;
                    }
                    double[] want = weighed(scores, v, head, dim);
                    for (int d = 0; d < dim; d++) {
                        assertThat((double) Memory.at(out.segment(), out.at(i, head) + d))
                                .as("seed %d, head %d, query %d, %d", seed, head, i, d)
                                .isCloseTo(want[d], within(2e-5));
                    }
                }
            }
        }
    }

    private static HeadRows heads(
            Arena arena, SplittableRandom random, int rows, int heads, int dim, double scale) {
        long rowStride = heads * (dim + 2L) + 3;
        return new HeadRows(
                Memory.random(arena, random, 5 + rows * rowStride, scale), 5, rowStride, dim + 2L);
    }

    private static double dot(HeadRows a, int i, HeadRows b, int j, int head, int dim) {
        double sum = 0;
        for (int d = 0; d < dim; d++) {
            sum +=
                    (double) Memory.at(a.segment(), a.at(i, head) + d)
                            * Memory.at(b.segment(), b.at(j, head) + d);
        }
        return sum;
    }

    private static double[] weighed(double[] scores, HeadRows v, int head, int dim) {
        double top = Double.NEGATIVE_INFINITY;
        for (double score : scores) {
            top = Math.max(top, score);
        }
        double sum = 0;
        double[] out = new double[dim];
        for (int j = 0; j < scores.length; j++) {
            double weight = Math.exp(scores[j] - top);
            sum += weight;
            for (int d = 0; d < dim; d++) {
                out[d] += weight * Memory.at(v.segment(), v.at(j, head) + d);
            }
        }
        for (int d = 0; d < dim; d++) {
            out[d] /= sum;
        }
        return out;
    }
}
