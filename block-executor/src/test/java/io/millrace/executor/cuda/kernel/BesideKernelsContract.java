package io.millrace.executor.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.model.spec.HeadColumns;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What stands beside a model, against loops: the same bits. */
abstract class BesideKernelsContract {
    private static final int SCALES = 3;

    private final long seed = Long.getLong("test.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private CudaRig rig;
    private BesideKernels kernels;

    @BeforeEach
    void open() {
        rig = new CudaRig();
        long stream = rig.device().compute().handle();
        kernels = new BesideKernels(rig.device().api(), rig.kernels().module(), stream);
    }

    @AfterEach
    void close() {
        kernels.close();
        rig.close();
    }

    private float[] normals(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "5, 77", "8, 64", "3, 1025"})
    void turnsASecondFactor(int rank, int rows) {
        float[] in = normals(SCALES * rows * rank);
        float factor = 0.3f;
        float[] expected = new float[in.length];
        for (int scale = 0; scale < SCALES; scale++) {
            int from = scale * rows * rank;
            for (int row = 0; row < rows; row++) {
                for (int j = 0; j < rank; j++) {
                    expected[from + j * rows + row] = factor * in[from + row * rank + j];
                }
            }
        }
        CudaRig.Place out = rig.poisoned((long) in.length * Float.BYTES);
        CudaRig.Place stored = rig.values(DType.F32, in);
        kernels.turn(stored.address(), rows, rank, factor, SCALES, out.address());
        assertThat(out.read(DType.F32)).as("-Dtest.seed=" + seed).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({"F32, 5, 24, 24, 0", "BF16, 7, 40, 13, 9", "F16, 3, 33, 8, 16", "BF16, 1, 8, 8, 0"})
    void scalesColumns(DType type, int rows, int stride, int width, int column) {
        float[] states = CudaRig.rounded(type, normals(SCALES * rows * stride));
        float[] factors = normals(SCALES * width);
        float[] expected = states.clone();
        for (int scale = 0; scale < SCALES; scale++) {
            for (int row = 0; row < rows; row++) {
                for (int i = 0; i < width; i++) {
                    int at = (scale * rows + row) * stride + column + i;
                    expected[at] *= factors[scale * width + i];
                }
            }
        }
        CudaRig.Place place = rig.values(type, states);
        CudaRig.Place trained = rig.values(DType.F32, factors);
        DeviceMatrix matrix = new DeviceMatrix(place.address(), (long) rows * stride, stride, type);
        kernels.scale(matrix.column(column), trained.address(), rows, width, SCALES);
        assertThat(place.read(type))
                .as("-Dtest.seed=" + seed)
                .isEqualTo(CudaRig.rounded(type, expected));
    }

    @ParameterizedTest
    @CsvSource({"F32, 3, 2, 8, 0, 4", "BF16, 1, 3, 12, 5, 6", "F16, 4, 1, 10, 3, 10"})
    void putsRowsOfVirtualTokens(
            DType type, int tokens, int heads, int headStride, int column, int part) {
        int[] starts = {0, tokens + 2, 2 * tokens + 7};
        int rows = 3 * tokens + 9;
        int stride = column + heads * headStride + 3;
        int width = heads * part;
        float[] states = CudaRig.rounded(type, normals(SCALES * rows * stride));
        float[] table = normals(SCALES * tokens * width);
        float[] expected = states.clone();
        for (int scale = 0; scale < SCALES; scale++) {
            for (int start : starts) {
                for (int token = 0; token < tokens; token++) {
                    for (int i = 0; i < width; i++) {
                        int at = (scale * rows + start + token) * stride + column;
                        expected[at + i / part * headStride + i % part] =
                                1.5f * table[(scale * tokens + token) * width + i];
                    }
                }
            }
        }
        CudaRig.Place place = rig.values(type, states);
        kernels.putVirtual(
                new DeviceMatrix(place.address(), (long) rows * stride, stride, type),
                rig.values(DType.F32, table).address(),
                new BesideKernels.FirstRows(rig.ints(starts).address(), starts.length, tokens),
                width,
                new HeadColumns(heads, column, headStride),
                1.5f,
                SCALES);
        assertThat(place.read(type))
                .as("-Dtest.seed=" + seed)
                .isEqualTo(CudaRig.rounded(type, expected));
    }
}
