package io.millrace.executor.cpu.op;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class LossTest {
    @ParameterizedTest
    @CsvSource({
        "1,1,0,1,0",
        "50,7,0,5,0",
        "1000,64,0,3,0",
        "333,500,0,50,0",
        "777,128,30,60,0",
        "500,64,0,3,86", // some sums leave the range of float, others do not
        "500,64,0,3,-56",
        "500,64,0,3,300",
        "500,64,0,3,-300",
        "900,64,0,200,0"
    })
    void agreesWithDouble(int vocab, int panelWidth, float softcap, double scale, float offset) {
        long seed = Memory.seed();
        SplittableRandom random = new SplittableRandom(seed);
        int rows = 6;
        int panels = Math.ceilDiv(vocab, panelWidth);
        int[] targets = new int[rows];
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment logits = Memory.random(arena, random, (long) rows * vocab, scale);
            MemorySegment partials = Memory.poisoned(arena, Loss.partialFloats(rows, panels) + 1);
            for (long i = 0; i < (long) rows * vocab; i++) {
                CheckedFloats.set(logits, i, CheckedFloats.get(logits, i) + offset);
            }
            for (int r = 0; r < rows; r++) {
                targets[r] = r == 4 ? Loss.IGNORED : random.nextInt(vocab);
            }
            targets[0] = 0;
            targets[1] = vocab - 1;
            for (int p = panels - 1; p >= 0; p--) {
                int width = Math.min(panelWidth, vocab - p * panelWidth);
                MemorySegment tile = Memory.poisoned(arena, 2L + (long) rows * panelWidth);
                Rows.copyColumns(
                        logits, (long) p * panelWidth, vocab, tile, 2, panelWidth, rows, width);
                Loss.reducePanel(
                        tile,
                        2,
                        panelWidth,
                        0,
                        4,
                        p * panelWidth,
                        width,
                        softcap,
                        targets,
                        partials,
                        1,
                        p,
                        rows);
                Loss.reducePanel(
                        tile,
                        2 + 4L * panelWidth,
                        panelWidth,
                        4,
                        2,
                        p * panelWidth,
                        width,
                        softcap,
                        targets,
                        partials,
                        1,
                        p,
                        rows);
            }
            double[] losses = losses(partials, 1, rows, panels, targets, vocab);
            for (int r = 0; r < rows; r++) {
                double want = oracle(logits, r, vocab, softcap, targets[r]);
                assertThat(losses[r])
                        .as("seed %d, row %d", seed, r)
                        .isCloseTo(want, within(2e-6 * (1 + scale + Math.abs(offset))));
            }
        }
    }

    private static double oracle(
            MemorySegment logits, int row, int vocab, float softcap, int target) {
        double top = Double.NEGATIVE_INFINITY;
        double[] x = new double[vocab];
        for (int i = 0; i < vocab; i++) {
            x[i] = Memory.at(logits, (long) row * vocab + i);
            if (softcap != 0) {
                x[i] = softcap * Math.tanh(x[i] / softcap);
            }
            top = Math.max(top, x[i]);
        }
        double sum = 0;
        for (double value : x) {
            sum += Math.exp(value - top);
        }
        return target == Loss.IGNORED ? 0 : Math.log(sum) + top - x[target];
    }

    @Test
    void showsANaNLogit() {
        try (Arena arena = Arena.ofConfined()) {
            for (int bad : new int[] {0, 17, 39}) {
                MemorySegment logits = arena.allocate(4L * 40);
                CheckedFloats.set(logits, bad, Float.NaN);
                MemorySegment partials = Memory.poisoned(arena, Loss.partialFloats(1, 1));
                Loss.reducePanel(logits, 0, 40, 0, 1, 0, 40, 0, new int[] {3}, partials, 0, 0, 1);
                assertThat(losses(partials, 0, 1, 1, new int[] {3}, 40)[0]).isNaN();
            }
        }
    }

    private static double[] losses(
            MemorySegment partials, long offset, int rows, int panels, int[] targets, int vocab) {
        double[] losses = new double[rows];
        int padded = Math.toIntExact(Loss.paddedRows(rows));
        LossSums sums = new LossSums();
        sums.reserve(padded);
        sums.begin(0, padded);
        sums.add(new LossSums.Part(partials, offset, rows, panels, 0, vocab), 0, rows, targets, 0);
        sums.losses(0, rows, targets, 0, losses);
        return losses;
    }
}
