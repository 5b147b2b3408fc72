package io.millrace.optim.mask;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.optim.random.GaussianStream;
import io.millrace.optim.random.StreamIds;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class WindowMaskTest {
    private static final int RANK = 3;
    private static final int WINDOWS = 5;
    private static final int ROWS = 40;
    private static final int COLUMNS = RANK * WINDOWS;
    private static final long SEED = 0x1234_5678_9abcL;
    private static final int TENSOR = 7;

    private final WindowMask mask = new WindowMask(RANK, 4, WINDOWS);

    @Test
    void hasTheLeftFactorInTheColumnsOfTheStepsWindow() {
        float[] u = new float[ROWS * RANK];
        GaussianStream.fill(StreamIds.LOW_RANK_U, SEED, TENSOR, 0, u, 0, u.length);
        for (long step : new long[] {1, 4, 5, 20}) {
            float[] z = filled(step, 0, ROWS * COLUMNS);
            int window = (int) ((step - 1) / 4);
            for (int row = 0; row < ROWS; row++) {
                for (int column = 0; column < COLUMNS; column++) {
                    float expected = column / RANK == window ? u[row * RANK + column % RANK] : 0f;
                    assertThat(z[row * COLUMNS + column]).isEqualTo(expected);
                }
            }
        }
    }

    @Test
    void isTheSameHoweverElementsAreCut() {
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        float[] whole = filled(10, 0, ROWS * COLUMNS);
        for (int trial = 0; trial < 200; trial++) {
            int first = random.nextInt(ROWS * COLUMNS);
            int count = 1 + random.nextInt(ROWS * COLUMNS - first);
            assertThat(filled(10, first, count))
                    .as("seed " + seed)
                    .isEqualTo(Arrays.copyOfRange(whole, first, first + count));
        }
    }

    @Test
    void clearsWhatAnotherStreamHasOutsideTheWindow() {
        float[] z = new float[2 * COLUMNS];
        Arrays.fill(z, 1f);
        mask.apply(5, TENSOR, COLUMNS, z, z, 0, z.length);
        for (int i = 0; i < z.length; i++) {
            assertThat(z[i]).isEqualTo(i % COLUMNS / RANK == 1 ? 1f : 0f);
        }
    }

    private float[] filled(long step, int first, int count) {
        float[] z = new float[count + 2];
        mask.fill(
                (seed, tensorId, element, to, offset, many) -> {
                    throw new AssertionError("what is masked is never made");
                },
                SEED,
                step,
                TENSOR,
                first,
                z,
                z,
                1,
                count);
        assertThat(z[0]).isZero();
        assertThat(z[count + 1]).isZero();
        return Arrays.copyOfRange(z, 1, count + 1);
    }
}
