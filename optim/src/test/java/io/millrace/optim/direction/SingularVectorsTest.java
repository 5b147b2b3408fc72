package io.millrace.optim.direction;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.optim.mask.BaseWeights;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Matrices that have as many singular values as vectors are asked for, fewer, or none. */
@ExtendWith(SeedExtension.class)
final class SingularVectorsTest {
    /** One matrix. */
    private record OneMatrix(float[] values, int rows, int columns) implements BaseWeights {
        @Override
        public List<Tensor> tensors() {
            return List.of(new Tensor("w", 0, List.of((long) rows, (long) columns)));
        }

        @Override
        public void read(Tensor tensor, Reader reader) {
            reader.take(values, values.length);
        }

        @Override
        public Map<String, long[]> lists(Path file) {
            throw new UnsupportedOperationException();
        }
    }

    /** Of small whole numbers, so that its rank is exact in float32. */
    private static float[] matrix(int rows, int columns, int rank, Random random) {
        float[] values = new float[rows * columns];
        for (int k = 0; k < rank; k++) {
            int[] left = random.ints(rows, -9, 10).toArray();
            int[] right = random.ints(columns, -9, 10).toArray();
            for (int i = 0; i < values.length; i++) {
                values[i] += left[i / columns] * right[i % columns];
            }
        }
        return values;
    }

    @ParameterizedTest
    @CsvSource({
        "30, 20, 6, 6",
        "20, 30, 12, 6",
        "30, 20, 3, 6",
        "20, 30, 1, 6",
        "9, 7, 2, 7",
        "7, 9, 0, 4",
        "16, 16, 16, 16",
        "16, 16, 15, 16"
    })
    void thereAreAsManyAsTheMatrixHas(
            int rows, int columns, int values, int rank, @Seed long seed) {
        float[] matrix = matrix(rows, columns, values, new Random(seed));
        SingularDirection direction =
                new SingularDirection(seed, rank, 10, Optional.empty())
                        .over(new OneMatrix(matrix, rows, columns));
        float[] left = new float[rows * rank];
        float[] right = new float[columns * rank];
        direction.fillLeft(1, 0, 0, left, 0, left.length);
        direction.fillRight(1, 0, 0, right, 0, right.length);
        for (int one = 0; one < rank; one++) {
            for (int other = 0; other <= one; other++) {
                double expected = one == other && one < values ? 1 : 0;
                assertThat(dot(left, rows, rank, one, other))
                        .as("left %d, %d", one, other)
                        .isCloseTo(expected, within(1e-6));
                assertThat(dot(right, columns, rank, one, other))
                        .as("right %d, %d", one, other)
                        .isCloseTo(expected, within(1e-6));
            }
        }
        if (values <= rank) {
            assertThat(restored(matrix, left, right, rows, rank)).isLessThan(1e-4);
        }
    }

    private static double dot(float[] vectors, int rows, int rank, int one, int other) {
        double sum = 0;
        for (int row = 0; row < rows; row++) {
            sum += (double) vectors[row * rank + one] * vectors[row * rank + other];
        }
        return sum;
    }

    /** How far U Uᵀ W V Vᵀ is from W, as a share of its largest element. */
    private static double restored(
            float[] matrix, float[] left, float[] right, int rows, int rank) {
        int columns = matrix.length / rows;
        double[] values = new double[rank];
        double largest = 0;
        for (int i = 0; i < matrix.length; i++) {
            largest = Math.max(largest, Math.abs(matrix[i]));
            for (int j = 0; j < rank; j++) {
                values[j] +=
                        (double) left[i / columns * rank + j]
                                * matrix[i]
                                * right[i % columns * rank + j];
            }
        }
        double worst = 0;
        for (int i = 0; i < matrix.length; i++) {
            double sum = 0;
            for (int j = 0; j < rank; j++) {
                sum += values[j] * left[i / columns * rank + j] * right[i % columns * rank + j];
            }
            worst = Math.max(worst, Math.abs(sum - matrix[i]));
        }
        return largest == 0 ? worst : worst / largest;
    }
}
