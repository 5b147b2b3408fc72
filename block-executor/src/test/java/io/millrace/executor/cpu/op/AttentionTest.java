package io.millrace.executor.cpu.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class AttentionTest {
    @ParameterizedTest
    @CsvSource({
        // heads, kv heads, head size, cached keys, queries, window, positions ahead, softcap
        "2, 2, 8, 0, 16, 0, 0, 0",
        "3, 1, 20, 0, 1, 0, 0, 0",
        "4, 2, 64, 0, 65, 0, 0, 0",
        "2, 1, 16, 0, 300, 0, 0, 0",
        "1, 1, 128, 0, 530, 0, 0, 30",
        "2, 2, 16, 500, 3, 0, 0, 0",
        "2, 1, 32, 700, 130, 0, 0, 5",
        "1, 1, 8, 0, 700, 1, 0, 0",
        "1, 1, 8, 0, 700, 40, 0, 0",
        "2, 1, 24, 100, 500, 257, 0, 0",
        "1, 1, 8, 300, 1, 5, 0, 0",
        "2, 2, 8, 0, 1, 0, 2147483647, 0",
        "2, 1, 16, 0, 65, 0, 2147483647, 0",
        "1, 1, 64, 0, 600, 0, 2147483647, 30",
        "2, 2, 16, 0, 700, 65, 64, 0",
        "1, 1, 8, 0, 700, 2, 1, 0",
        "1, 1, 8, 0, 530, 300, 299, 0"
    })
    void agreesWithDouble(
            int heads,
            int kvHeads,
            int dim,
            int cached,
            int count,
            int window,
            int ahead,
            float softcap) {
        long seed = Memory.seed();
        SplittableRandom random = new SplittableRandom(seed);
        // Values may be of another size than keys, and a score may have none.
        int valueDim = Math.max(1, dim - 3 + random.nextInt(7));
        float sink = random.nextBoolean() ? Float.NEGATIVE_INFINITY : random.nextInt(-20, 20);
        Attention.Shape shape =
                new Attention.Shape(
                        heads,
                        kvHeads,
                        dim,
                        valueDim,
                        (float) (1 / Math.sqrt(dim)),
                        softcap,
                        new Attention.Sight(window, ahead),
                        List.of());
        int keys = cached + count;
        try (Arena arena = Arena.ofConfined();
                Gemm gemm = new Gemm();
                Attention attention = new Attention(gemm)) {
            HeadRows q = rows(arena, random, count + 1, heads, dim, 2.5);
            HeadRows k = rows(arena, random, keys + 1, kvHeads, dim, 2.5);
            HeadRows v = rows(arena, random, keys + 1, kvHeads, valueDim, 1);
            HeadRows out = rows(arena, random, count + 1, heads, valueDim, 1);
            Rows.poison(out.segment(), 0, out.segment().byteSize() / 4);
            for (int head = 0; head < heads; head++) {
                for (int tile = 0; tile < Attention.queryTiles(count); tile++) {
                    attention.run(shape, q, 1, k, v, 1, out, cached, count, head, tile, sink);
                }
            }
            for (int head = 0; head < heads; head++) {
                for (int i = 0; i < count; i++) {
                    double[] want = oracle(shape, q, k, v, cached, count, head, i, sink);
                    for (int d = 0; d < valueDim; d++) {
                        double got = Memory.at(out.segment(), out.at(i + 1L, head) + d);
                        // Scores reach about 60, known to 60 · 6e-8 · a few: relative to values of
                        // size 1.
                        assertThat(got)
                                .as("seed %d, head %d, query %d, %d", seed, head, i, d)
                                .isCloseTo(want[d], within(2e-5));
                    }
                }
            }
            assertThat(Memory.isPoison(out.segment(), out.at(0, 0))).isTrue();
            assertThat(Memory.isPoison(out.segment(), out.at(1, 0) + valueDim)).isTrue();
        }
    }

    private static HeadRows rows(
            Arena arena, SplittableRandom random, int rows, int heads, int dim, double scale) {
        long headStride = dim + 2L;
        long rowStride = heads * headStride + 3;
        return new HeadRows(
                Memory.random(arena, random, 5 + rows * rowStride, scale),
                5,
                rowStride,
                headStride);
    }

    private static double[] oracle(
            Attention.Shape shape,
            HeadRows q,
            HeadRows k,
            HeadRows v,
            int cached,
            int count,
            int head,
            int i,
            double sink) {
        int kvHead = head / (shape.heads() / shape.kvHeads());
        int position = cached + i;
        int first =
                shape.sight().window() == 0
                        ? 0
                        : Math.max(0, position - shape.sight().window() + 1);
        int last = (int) Math.min(cached + count - 1, (long) position + shape.sight().ahead());
        double[] scores = new double[last + 1];
        double top = Double.NEGATIVE_INFINITY;
        for (int j = first; j <= last; j++) {
            double dot = 0;
            for (int d = 0; d < shape.headDim(); d++) {
                dot +=
                        (double) Memory.at(q.segment(), q.at(i + 1L, head) + d)
                                * Memory.at(k.segment(), k.at(j + 1L, kvHead) + d);
            }
            scores[j] = dot * shape.scale();
            if (shape.softcap() != 0) {
                scores[j] = shape.softcap() * Math.tanh(scores[j] / shape.softcap());
            }
            top = Math.max(top, scores[j]);
        }
        double sum = Math.exp(sink - top);
        double[] out = new double[shape.valueDim()];
        for (int j = first; j <= last; j++) {
            double weight = Math.exp(scores[j] - top);
            sum += weight;
            for (int d = 0; d < out.length; d++) {
                out[d] += weight * Memory.at(v.segment(), v.at(j + 1L, kvHead) + d);
            }
        }
        for (int d = 0; d < out.length; d++) {
            out[d] /= sum;
        }
        return out;
    }

    @Test
    void neverReadsWhatAQueryMayNotSee() {
        SplittableRandom random = new SplittableRandom(8);
        Attention.Shape shape = new Attention.Shape(1, 1, 16, 0.25f, 0, 0);
        try (Arena arena = Arena.ofConfined();
                Gemm gemm = new Gemm();
                Attention attention = new Attention(gemm)) {
            HeadRows q = rows(arena, random, 100, 1, 16, 1);
            HeadRows k = rows(arena, random, 200, 1, 16, 1);
            HeadRows v = rows(arena, random, 200, 1, 16, 1);
            HeadRows whole = rows(arena, random, 100, 1, 16, 1);
            HeadRows cut = rows(arena, random, 100, 1, 16, 1);
            attention.run(shape, q, 0, k, v, 0, whole, 0, 64, 0, 0);
            long end = k.at(64, 0);
            Rows.poison(k.segment(), end, k.segment().byteSize() / 4 - end);
            Rows.poison(v.segment(), end, v.segment().byteSize() / 4 - end);
            attention.run(shape, q, 0, k, v, 0, cut, 0, 64, 0, 0);
            for (int i = 0; i < 64; i++) {
                for (int d = 0; d < 16; d++) {
                    assertThat(Memory.at(cut.segment(), cut.at(i, 0) + d))
                            .isEqualTo(Memory.at(whole.segment(), whole.at(i, 0) + d));
                }
            }
        }
    }

    @Test
    void givesTheSameBitsForAnyNumberOfWorkersAndAnyNeighbours() {
        SplittableRandom random = new SplittableRandom(9);
        Attention.Shape shape = new Attention.Shape(4, 2, 16, 0.25f, 0, 0);
        int[] starts = {0, 70, 70, 71, 400};
        try (Arena arena = Arena.ofShared()) {
            HeadRows q = rows(arena, random, 400, 4, 16, 1);
            HeadRows k = rows(arena, random, 400, 2, 16, 1);
            HeadRows v = rows(arena, random, 400, 2, 16, 1);
            MemorySegment first = null;
            for (int workers = 1; workers <= 4; workers++) {
                HeadRows out = rows(arena, random, 400, 4, 16, 1);
                Rows.poison(out.segment(), 0, out.segment().byteSize() / 4);
                try (CpuWorkers team = new CpuWorkers(workers)) {
                    new AttentionBatch(team).apply(shape, q, k, v, out, starts);
                }
                first = first == null ? out.segment() : first;
                assertThat(Memory.sameBits(first, out.segment())).as("%d", workers).isTrue();
            }
            HeadRows alone = rows(arena, random, 400, 4, 16, 1);
            try (Gemm gemm = new Gemm();
                    Attention attention = new Attention(gemm)) {
                attention.run(shape, q, 71, k, v, 71, alone, 0, 329, 3, 5);
            }
            for (int i = 71 + 320; i < 400; i++) {
                for (int d = 0; d < 16; d++) {
                    assertThat(Memory.at(alone.segment(), alone.at(i, 3) + d))
                            .isEqualTo(Memory.at(first, alone.at(i, 3) + d));
                }
            }
        }
    }

    @Test
    void refusesWorkOnceClosed() {
        Attention attention;
        try (Gemm gemm = new Gemm()) {
            attention = new Attention(gemm);
        }
        attention.close();
        attention.close();
        assertThatThrownBy(() -> attention.run(null, null, 0, null, null, 0, null, 0, 1, 0, 0))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> new Attention.Shape(4, 3, 8, 1, 0, 0))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
