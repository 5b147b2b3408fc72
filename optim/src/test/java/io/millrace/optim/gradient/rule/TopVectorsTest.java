package io.millrace.optim.gradient.rule;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.optim.gradient.TensorTurn;
import io.millrace.optim.gradient.WholeTensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Of matrices whose singular vectors are known, and products as they are in double. */
@ExtendWith(SeedExtension.class)
final class TopVectorsTest {
    /** The type II discrete cosine transform: an orthonormal basis, each vector a row. */
    private static double[][] basis(int size) {
        double[][] rows = new double[size][size];
        for (int i = 0; i < size; i++) {
            double scale = Math.sqrt((i == 0 ? 1.0 : 2.0) / size);
            for (int k = 0; k < size; k++) {
                rows[i][k] = scale * Math.cos(Math.PI * i * (k + 0.5) / size);
            }
        }
        return rows;
    }

    /** Singular values 1, 1/2, 1/4, … of which so many are above 0. */
    private static float[] matrix(int rows, int columns, int values) {
        double[][] left = basis(rows);
        double[][] right = basis(columns);
        float[] matrix = new float[rows * columns];
        for (int i = 0; i < matrix.length; i++) {
            double sum = 0;
            for (int k = 0; k < values; k++) {
                sum += Math.scalb(left[k + 1][i / columns] * right[k + 2][i % columns], -k);
            }
            matrix[i] = (float) sum;
        }
        return matrix;
    }

    @ParameterizedTest
    @CsvSource({"60, 40, 30, 5", "40, 60, 30, 5", "33, 33, 20, 9", "60, 40, 3, 3", "20, 50, 2, 4"})
    void findsTheVectorsOfTheShorterSideLargestFirst(
            int rows, int columns, int values, int rank, @Seed long seed) {
        TopVectors search = search(matrix(rows, columns, values), rows, columns, rank, seed);
        assertThat(search.find(seed)).isTrue();
        float[] found = values(search.basis());
        boolean left = rows < columns;
        assertThat(search.isLeft()).isEqualTo(left);
        double[][] vectors = basis(Math.min(rows, columns));
        int length = vectors.length;
        for (int j = 0; j < rank; j++) {
            double[] expected = vectors[left ? j + 1 : j + 2];
            double dot = 0;
            double squares = 0;
            float largest = 0;
            float least = 0;
            for (int k = 0; k < length; k++) {
                float value = found[j * length + k];
                dot += value * expected[k];
                squares += (double) value * value;
                largest = Math.max(largest, value);
                least = Math.min(least, value);
            }
            boolean there = j < values;
            assertThat(squares).as("vector %d", j).isCloseTo(there ? 1 : 0, within(1e-6));
            assertThat(Math.abs(dot)).as("vector %d", j).isCloseTo(there ? 1 : 0, within(1e-6));
            // A cosine's two ends are alike but for their sign.
            assertThat(largest).as("vector %d", j).isGreaterThan(-least - 1e-5f);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "4, 3, 16", "7, 20, 37", "9, 5, 64", "3, 8, 5"})
    void aProductIsThatInDouble(int rows, int inner, int columns, @Seed long seed) {
        Random random = new Random(seed);
        float[] left = numbers(rows * inner, random);
        float[] right = numbers(inner * columns, random);
        int whole = Math.min(columns, WholeTensor.STRIP);
        Matrix to = matrix(new float[rows * columns], rows, columns);
        for (int first = 0; first < columns; first += whole) {
            int count = Math.min(whole, columns - first);
            for (int from = 0; from < inner; from += 3) {
                int some = Math.min(3, inner - from);
                float[] slab = new float[some * count];
                for (int k = 0; k < some; k++) {
                    int at = (from + k) * columns + first;
                    System.arraycopy(right, at, slab, k * count, count);
                }
                DenseProduct.add(
                        matrix(left, rows, inner),
                        from,
                        new DenseProduct.Slab(slab, some, count),
                        new float[WholeTensor.SPARE * some],
                        to,
                        first);
            }
        }
        float[] product = values(to);
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                double sum = 0;
                float ordered = 0;
                for (int k = 0; k < inner; k++) {
                    float next = left[row * inner + k] * right[k * columns + column];
                    sum += (double) left[row * inner + k] * right[k * columns + column];
                    ordered += next;
                }
                assertThat((double) product[row * columns + column]).isCloseTo(sum, within(1e-5));
                assertThat(product[row * columns + column]).isEqualTo(ordered);
            }
        }
    }

    private static TopVectors search(float[] gradient, int rows, int columns, int rank, long seed) {
        long shorter = Math.min(rows, columns);
        long longer = Math.max(rows, columns);
        long floats = TopVectors.floats(shorter, longer, rank);
        float[][] states = {};
        WholeTensor tensor = new ArrayTensor(gradient, columns, states, floats, new Random(seed));
        return new TopVectors(tensor, rows, columns, rank);
    }

    private static Matrix matrix(float[] values, int rows, int columns) {
        MemorySegment memory = Arena.ofAuto().allocate(4L * values.length, 64);
        Matrix matrix = new Matrix(memory, 0, rows, columns);
        matrix.store(0, values, 0, values.length);
        return matrix;
    }

    private static float[] values(Matrix matrix) {
        float[] values = new float[Math.toIntExact(matrix.count())];
        matrix.load(0, values, 0, values.length);
        return values;
    }

    private static float[] numbers(int count, Random random) {
        float[] numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = random.nextFloat() - 0.5f;
        }
        return numbers;
    }

    /** Experts that no token of a step goes to have a gradient of nothing. */
    @Test
    void galoreWaitsForAGradientThatIsSomething() {
        List<Long> shape = List.of(6L, 4L);
        GaLore rule = new GaLore(2, 3, 0.25);
        TiledTensor tensor =
                new TiledTensor(rule, shape, TiledTensor.start(shape, 1), 1, new Random(1));
        float[] nothing = new float[24];
        tensor.step(new TensorTurn(1, 1, 0.1, 0, shape, 7), nothing);
        assertThat(tensor.parameters()).isEqualTo(TiledTensor.start(shape, 1));
        assertThat(tensor.states()[0]).containsOnly(0f);
        tensor.step(new TensorTurn(2, 2, 0.1, 0, shape, 7), TiledTensor.gradient(shape, 2, 1));
        assertThat(tensor.parameters()).isNotEqualTo(TiledTensor.start(shape, 1));
        float[] vectors = tensor.states()[0].clone();
        tensor.step(new TensorTurn(3, 3, 0.1, 0, shape, 7), TiledTensor.gradient(shape, 2, 2));
        assertThat(tensor.states()[0]).isEqualTo(vectors);
        tensor.step(new TensorTurn(4, 4, 0.1, 0, shape, 7), nothing);
        assertThat(tensor.states()[0]).isEqualTo(vectors);
        tensor.step(new TensorTurn(7, 7, 0.1, 0, shape, 7), TiledTensor.gradient(shape, 2, 3));
        assertThat(tensor.states()[0]).isNotEqualTo(vectors);
    }
}
