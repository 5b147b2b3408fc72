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

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "7, 3, 10", "24, 5, 65"})
    void contractsCores(int rows, int rank, int columns) {
        int stride = rows * rank + rank * columns + rows * columns + 3;
        float[] all = normals(SCALES * stride);
        float[] expected = all.clone();
        for (int scale = 0; scale < SCALES; scale++) {
            int left = scale * stride;
            int right = left + rows * rank;
            int out = right + rank * columns;
            for (int at = 0; at < rows * columns; at++) {
                float sum = 0;
                for (int j = 0; j < rank; j++) {
                    float factor = all[right + j * columns + at % columns];
                    sum = Math.fma(all[left + at / columns * rank + j], factor, sum);
                }
                expected[out + at] = sum;
            }
        }
        CudaRig.Place place = rig.values(DType.F32, all);
        long right = place.address() + 4L * rows * rank;
        long out = right + 4L * rank * columns;
        kernels.contract(place.address(), right, stride, rows, rank, columns, SCALES, out);
        assertThat(place.read(DType.F32)).as("-Dtest.seed=" + seed).isEqualTo(expected);
    }

    /** A bottleneck's ways in and out, the latter into another type, and added to what is there. */
    @ParameterizedTest
    @CsvSource({
        "5, 3, 24, F32, F32, false",
        "4, 2, 13, F32, BF16, true",
        "3, 1, 40, BF16, F32, true",
        "2, 4, 9, F16, F16, false"
    })
    void goesThroughTwoFactors(
            int rows, int rank, int width, DType from, DType to, boolean accumulate) {
        int stride = width + rank * width + 5;
        float[] own = normals(SCALES * stride); // bias, factor
        float[] thin = normals(SCALES * rows * rank);
        float[] in = CudaRig.rounded(from, normals(SCALES * rows * width));
        float[] old = CudaRig.rounded(to, normals(SCALES * rows * width));
        float[] into = new float[in.length];
        float[] outOf = new float[in.length];
        for (int at = 0; at < in.length; at++) {
            int scale = at / (rows * width);
            int row = at / width;
            float bias = own[scale * stride + at % width];
            float hidden = bias;
            float sum = in[at] + bias;
            for (int j = 0; j < rank; j++) {
                float factor = own[scale * stride + width + j * width + at % width];
                hidden = Math.fma(factor, thin[row * rank + j], hidden);
                sum = Math.fma(factor, thin[row * rank + j], sum);
            }
            into[at] = hidden < 0 ? 0 : hidden;
            outOf[at] = accumulate ? old[at] + sum : sum;
        }
        long place = rig.values(DType.F32, own).address();
        BesideKernels.TwoFactors factors =
                new BesideKernels.TwoFactors(
                        place,
                        rig.values(DType.F32, thin).address(),
                        place + 4L * width,
                        stride,
                        rank,
                        width);
        CudaRig.Place hidden = rig.poisoned(4L * in.length);
        long each = (long) rows * width;
        kernels.into(
                factors, new DeviceMatrix(hidden.address(), each, width, DType.F32), rows, SCALES);
        assertThat(hidden.read(DType.F32)).as("-Dtest.seed=" + seed).isEqualTo(into);
        CudaRig.Place out = rig.values(to, old);
        kernels.outOf(
                factors,
                new DeviceMatrix(rig.values(from, in).address(), each, width, from),
                new DeviceMatrix(out.address(), each, width, to),
                accumulate,
                rows,
                SCALES);
        assertThat(out.read(to)).as("-Dtest.seed=" + seed).isEqualTo(CudaRig.rounded(to, outOf));
    }
}
