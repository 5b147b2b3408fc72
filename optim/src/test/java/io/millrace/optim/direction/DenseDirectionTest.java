package io.millrace.optim.direction;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.memory.BadInputException;
import io.millrace.optim.RandomSeed;
import io.millrace.optim.random.GaussianScalar;
import io.millrace.optim.random.Philox4x32;
import io.millrace.optim.random.StreamIds;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class DenseDirectionTest {
    private static final float POISON = 12345.5f;

    @ParameterizedTest
    @ValueSource(strings = {"gaussian", "rademacher"})
    void everyRangeHasTheBitsOfTheScalarReference(String name) {
        long testSeed = RandomSeed.next();
        Random random = RandomSeed.random(testSeed);
        DenseDirection direction = Directions.dense(name);
        for (int round = 0; round < 400; round++) {
            int count = round < 200 ? round : random.nextInt(10_000);
            int offset = random.nextInt(70);
            long seed = random.nextLong();
            int tensorId = random.nextInt(1000);
            long first =
                    switch (round % 3) {
                        case 0 -> random.nextInt(300);
                        case 1 -> (1L << 34) - random.nextInt(5_000);
                        default -> random.nextLong(1L << 45);
                    };
            float[] z = new float[offset + count + random.nextInt(40)];
            Arrays.fill(z, POISON);

            direction.fill(seed, tensorId, first, z, offset, count);

            float[] expected = new float[z.length];
            Arrays.fill(expected, POISON);
            for (int i = 0; i < count; i++) {
                expected[offset + i] = scalar(name, seed, tensorId, first + i);
            }
            // A mismatch is one of bits: z has no NaN, and it tells -0 from 0.
            assertThat(Arrays.mismatch(z, expected))
                    .as("test seed %d round %d offset %d", testSeed, round, offset)
                    .isEqualTo(-1);
        }
    }

    private static float scalar(String name, long seed, int tensorId, long element) {
        if (name.equals("gaussian")) {
            return GaussianScalar.value(StreamIds.DENSE_Z, seed, tensorId, element);
        }
        int[] words = new int[4];
        Philox4x32.block(seed, element / 128, tensorId, 0x4D5A, words);
        int bit = (int) (element % 128);
        return ((words[bit / 32] >>> (bit % 32)) & 1) == 1 ? 1f : -1f;
    }

    @Test
    void gaussianScalarIsWithinAMillionthOfTheExactValue() {
        long testSeed = RandomSeed.next();
        Random random = RandomSeed.random(testSeed);
        double worst = 0;
        for (int i = 0; i < 2_000_000; i++) {
            int word = random.nextInt();
            int angle = random.nextInt();
            worst = Math.max(worst, error(word, angle));
        }
        assertThat(worst).as("test seed %d", testSeed).isLessThan(1.2e-6);
    }

    @Test
    void gaussianScalarHoldsItsPrecisionAtEveryEdge() {
        // The ends of u, the split at √½ and its scaled copies, and the quadrant borders.
        for (int power = 0; power < 32; power++) {
            int half = (int) (0xB504F333L >>> power);
            int border = (int) (0x100000000L >>> power);
            for (int near = -40; near <= 40; near++) {
                for (int angle : new int[] {0, 1 << 29, -(1 << 29), 1 << 30, 1 << 31, -1, near}) {
                    assertThat(error(half + near, angle)).isLessThan(1.5e-6);
                    assertThat(error(border + near, angle + near)).isLessThan(1.5e-6);
                }
            }
        }
    }

    private static double error(int word, int angle) {
        double u = ((word & 0xFFFFFFFFL) + 0.5) * 0x1p-32;
        // 1 - u is exact here, and log1p keeps what log(u) would lose near 1.
        double radius = Math.sqrt(-2 * (u > 0.5 ? Math.log1p(-(1 - u)) : Math.log(u)));
        double turn = 2 * Math.PI * (((angle & 0xFFFFFFFFL) + 0.5) * 0x1p-32);
        float r = GaussianScalar.radius(word);
        double cosine = r * GaussianScalar.cosine(angle) - radius * Math.cos(turn);
        double sine = r * GaussianScalar.cosine(angle - (1 << 30)) - radius * Math.sin(turn);
        return Math.max(Math.abs(cosine), Math.abs(sine));
    }

    @Test
    void gaussianHasTheMomentsOfANormal() {
        float[] z = new float[1 << 20];
        new GaussianDirection().fill(99, 3, 0, z, 0, z.length);
        double sum = 0;
        double square = 0;
        double fourth = 0;
        for (float value : z) {
            sum += value;
            square += value * value;
            fourth += Math.pow(value, 4);
        }
        assertThat(sum / z.length).isBetween(-0.005, 0.005);
        assertThat(square / z.length).isBetween(0.99, 1.01);
        assertThat(fourth / z.length).isBetween(2.95, 3.05);
    }

    @Test
    void refusesARangeOutsideTheArray() {
        float[] z = new float[8];
        assertThatThrownBy(() -> new GaussianDirection().fill(1, 0, 0, z, 4, 5))
                .isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> new RademacherDirection().fill(1, 0, 0, z, -1, 2))
                .isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void unknownNameNamesTheOptionAndTheKnownNames() {
        assertThatThrownBy(() -> Directions.dense("cauchy"))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("--perturbation")
                .hasMessageContaining("cauchy")
                .hasMessageContaining("gaussian, low-rank, members, projected, rademacher");
    }
}
