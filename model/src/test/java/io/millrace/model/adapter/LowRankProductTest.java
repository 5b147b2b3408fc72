package io.millrace.model.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Cut products against matrices whose singular values are known. */
@ExtendWith(SeedExtension.class)
class LowRankProductTest {
    private static final double BOUND = 2e-6; // of the norm: float32, many columns

    /** The k-th orthonormal vector of the discrete cosine transform. */
    private static double cosine(int k, int i, int length) {
        double scale = Math.sqrt((k == 0 ? 1.0 : 2.0) / length);
        return scale * Math.cos(Math.PI * k * (i + 0.5) / length);
    }

    private static TallMatrix matrix(Arena arena, int rows, int columns) {
        return new TallMatrix(
                arena.allocate((long) rows * columns * Float.BYTES, Float.BYTES), rows, columns);
    }

    private static double[][] dense(LowRankProduct product) {
        double[][] dense = new double[(int) product.left().rows()][(int) product.right().rows()];
        for (int i = 0; i < dense.length; i++) {
            for (int j = 0; j < dense[i].length; j++) {
                for (int k = 0; k < product.rank(); k++) {
                    dense[i][j] += (double) product.left().get(i, k) * product.right().get(j, k);
                }
            }
        }
        return dense;
    }

    private static double distance(double[][] one, double[][] other) {
        double squares = 0;
        for (int i = 0; i < one.length; i++) {
            for (int j = 0; j < one[i].length; j++) {
                double difference = one[i][j] - other[i][j];
                squares += difference * difference;
            }
        }
        return Math.sqrt(squares);
    }

    /** Σ σ_k u_k v_kᵀ of some vectors, from the k-th on. */
    private static double[][] sum(double[] values, int rows, int columns, int from, int to) {
        double[][] sum = new double[rows][columns];
        for (int k = from; k < to; k++) {
            for (int i = 0; i < rows; i++) {
                for (int j = 0; j < columns; j++) {
                    sum[i][j] += values[k] * cosine(k, i, rows) * cosine(k + 1, j, columns);
                }
            }
        }
        return sum;
    }

    /** Factors that are mixed by a reflection and by scales of any size. */
    private static LowRankProduct mixed(
            Arena arena, double[] values, int rows, int columns, Random random) {
        int rank = values.length;
        double[] mirror = random.doubles(rank, -1, 1).toArray();
        double[] scales = random.doubles(rank, 0.1, 10).toArray();
        double square = Columns.dot(mirror, mirror, rank);
        TallMatrix left = matrix(arena, rows, rank);
        TallMatrix right = matrix(arena, columns, rank);
        for (int c = 0; c < rank; c++) {
            for (int i = 0; i < rows; i++) {
                double value = 0;
                for (int k = 0; k < rank; k++) {
                    double turned = (k == c ? 1 : 0) - 2 * mirror[k] * mirror[c] / square;
                    value += values[k] * cosine(k, i, rows) * turned;
                }
                left.set(i, c, (float) (value * scales[c]));
            }
            for (int j = 0; j < columns; j++) {
                double value = 0;
                for (int k = 0; k < rank; k++) {
                    double turned = (k == c ? 1 : 0) - 2 * mirror[k] * mirror[c] / square;
                    value += cosine(k + 1, j, columns) * turned;
                }
                right.set(j, c, (float) (value / scales[c]));
            }
        }
        return new LowRankProduct(left, right);
    }

    @ParameterizedTest
    @CsvSource({
        "300, 40, 6, 3",
        "40, 700, 9, 1",
        "64, 65, 20, 19",
        "257, 257, 1, 1",
        "50, 33, 5, 5"
    })
    void keepsTheLargestSingularValues(int rows, int columns, int rank, int kept, @Seed long seed) {
        Random random = new Random(seed);
        double[] values = new double[rank];
        for (int k = 0; k < rank; k++) {
            values[k] = rank - k + 0.5 * random.nextDouble(); // falling, with gaps
        }
        try (Arena arena = Arena.ofConfined()) {
            LowRankProduct product = mixed(arena, values, rows, columns, random);
            double[][] whole = sum(values, rows, columns, 0, rank);
            double norm = distance(whole, new double[rows][columns]);
            assertThat(distance(dense(product), whole)).isLessThan(BOUND * norm);

            LowRankProduct.Cut cut = product.cutTo(kept);
            double lost =
                    distance(sum(values, rows, columns, kept, rank), new double[rows][columns]);
            assertThat(cut.product().rank()).isEqualTo(kept);
            assertThat(cut.norm()).isEqualTo(norm, within(BOUND * norm));
            assertThat(cut.lost()).isEqualTo(lost, within(BOUND * norm));
            double[][] nearest = sum(values, rows, columns, 0, kept);
            assertThat(distance(dense(cut.product()), nearest)).isLessThan(5 * BOUND * norm);
        }
    }

    /** More columns than either side, and columns of nothing. */
    @Test
    void whatIsNotThinLosesNothingAboveItsSides(@Seed long seed) {
        Random random = new Random(seed);
        try (Arena arena = Arena.ofConfined()) {
            TallMatrix left = matrix(arena, 12, 40);
            TallMatrix right = matrix(arena, 300, 40);
            for (int column = 0; column < 40; column++) {
                for (int row = 0; row < 300; row++) {
                    if (row < 12 && column % 3 != 0) {
                        left.set(row, column, (float) random.nextGaussian());
                    }
                    right.set(row, column, (float) random.nextGaussian());
                }
            }
            LowRankProduct product = new LowRankProduct(left, right);
            double[][] whole = dense(product);
            LowRankProduct.Cut cut = product.cutTo(12);
            assertThat(cut.relativeError()).isLessThan(1e-14);
            assertThat(distance(dense(cut.product()), whole)).isLessThan(BOUND * cut.norm());
        }
    }

    @Test
    void nothingIsCutToNothing() {
        try (Arena arena = Arena.ofConfined()) {
            LowRankProduct nothing = new LowRankProduct(matrix(arena, 10, 4), matrix(arena, 20, 4));
            LowRankProduct.Cut cut = nothing.cutTo(2);
            assertThat(cut.relativeError()).isZero();
            assertThat(distance(dense(cut.product()), new double[10][20])).isZero();
        }
    }
}
