package io.millrace.executor.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.memory.DType;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.KernelArguments;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** E4M3 as the kernels make them, against what their definition says: the same bits. */
@ExtendWith(SeedExtension.class)
abstract class QuantizeKernelsContract {
    private static final int SIGNS = 2;

    private CudaRig rig;
    private QuantizeKernels kernels;

    @BeforeEach
    void open() {
        rig = new CudaRig();
        long stream = rig.device().compute().handle();
        kernels = new QuantizeKernels(rig.device().api(), rig.kernels().module(), stream);
    }

    @AfterEach
    void close() {
        kernels.close();
        rig.close();
    }

    /** Every code, what lies between neighbours, and what is beside that; what no code is near. */
    private static float[] edges() {
        List<Float> values = new ArrayList<>();
        for (int code = 0; code < E4m3.NAN; code++) {
            float value = (float) E4m3.value(code);
            values.add(value);
            float next = code + 1 < E4m3.NAN ? (float) E4m3.value(code + 1) : 480;
            float middle = (value + next) / 2;
            values.addAll(List.of(middle, Math.nextUp(middle), Math.nextDown(middle)));
            values.addAll(List.of(Math.nextUp(value), Math.nextDown(value)));
        }
        values.addAll(List.of(449f, 1e9f, Float.MAX_VALUE, Float.MIN_VALUE, 1e-30f));
        values.addAll(List.of(Float.POSITIVE_INFINITY, Float.NaN));
        float[] all = new float[(2 * values.size() + 15) / 16 * 16];
        for (int i = 0; i < values.size(); i++) {
            all[2 * i] = values.get(i);
            all[2 * i + 1] = -values.get(i);
        }
        return all;
    }

    /** Told that 448 is the largest, so that the scale is 1 and larger ones saturate. */
    @Test
    void everyValueBecomesTheNearestCode() {
        float[] values = edges();
        CudaRig.Place in = rig.values(DType.F32, values);
        CudaRig.Place out = rig.poisoned(values.length);
        CudaRig.Place largest = rig.values(DType.F32, 448f);
        CudaRig.Place scale = rig.poisoned(4);
        CudaApi api = rig.device().api();
        try (KernelArguments arguments = new KernelArguments()) {
            arguments
                    .begin()
                    .int64(in.address())
                    .int64(out.address())
                    .int64(largest.address())
                    .int64(scale.address())
                    .int64(0)
                    .int64(values.length)
                    .int32(1)
                    .int32(values.length)
                    .int32(KernelCodes.of(DType.F32))
                    .int32(0);
            api.launchKernel(
                    api.function(rig.kernels().module(), "millrace_quantize"),
                    Math.ceilDiv(values.length, 8 * 256),
                    1,
                    1,
                    256,
                    1,
                    1,
                    0,
                    rig.device().compute().handle(),
                    arguments);
        }
        byte[] codes = out.read();
        for (int i = 0; i < values.length; i++) {
            int code = codes[i] & 0xFF;
            if (Float.isNaN(values[i])) {
                assertThat(code & 0x7F).isEqualTo(E4m3.NAN);
            } else {
                assertThat(code).as("of %s", values[i]).isEqualTo(E4m3.nearest(values[i]));
            }
        }
        assertThat(scale.read(DType.F32)).containsExactly(1f);
    }

    @ParameterizedTest
    @CsvSource({"F32, 1, 16, 0", "F32, 33, 48, 16", "BF16, 70, 4096, 8", "F16, 5, 112, 0"})
    void bothSignsShareTheScaleOfTheLargest(
            DType type, int rows, int width, int gap, @Seed long seed) {
        Random random = new Random(seed);
        int rowStride = width + gap;
        int stride = rows * rowStride + 24;
        float[] values = new float[SIGNS * stride];
        Arrays.fill(values, 6e4f); // of what lies between rows, nothing is looked at
        for (int sign = 0; sign < SIGNS; sign++) {
            for (int row = 0; row < rows; row++) {
                for (int column = 0; column < width; column++) {
                    values[sign * stride + row * rowStride + column] =
                            (float) (random.nextGaussian() * Math.pow(10, -random.nextInt(6)));
                }
            }
        }
        int largestAt = random.nextInt(SIGNS) * stride + random.nextInt(rows) * rowStride;
        values[largestAt + 2 + random.nextInt(width - 2)] = -37.25f;
        values[0] = Float.NaN;
        values[1] = Float.NEGATIVE_INFINITY;
        float[] read = CudaRig.rounded(type, values);
        CudaRig.Place out = rig.poisoned((long) SIGNS * rows * width);
        CudaRig.Place place = rig.poisoned(QuantizeKernels.SCALE_BYTES);
        DeviceMatrix in =
                new DeviceMatrix(rig.values(type, values).address(), stride, rowStride, type);
        kernels.quantize(in, rows, width, SIGNS, out.address(), place.address());
        byte[] codes = out.read();
        float scale = scaleAt(place);
        assertThat(scale).as("seed %d", seed).isEqualTo(0.125f);
        for (int sign = 0; sign < SIGNS; sign++) {
            for (int row = 0; row < rows; row++) {
                for (int column = 0; column < width; column++) {
                    float value = read[sign * stride + row * rowStride + column];
                    int code = codes[(sign * rows + row) * width + column] & 0xFF;
                    int expected = E4m3.nearest(value / (double) scale);
                    if (Float.isNaN(value)) {
                        code &= 0x7F;
                        expected = E4m3.NAN;
                    }
                    assertThat(code)
                            .as("%s at %d, %d, sign %d, seed %d", value, row, column, sign, seed)
                            .isEqualTo(expected);
                }
            }
        }
    }

    @Test
    void theScaleIsTheSmallestPowerOfTwoThatHoldsTheLargest() {
        float[] sizes = {
            448,
            Math.nextUp(448f),
            Math.nextDown(448f),
            896,
            1,
            1.75f,
            1.7500001f,
            0.02f,
            3e-5f,
            0,
            Float.MIN_VALUE,
            Float.MIN_NORMAL,
            1e-36f,
            5e-36f,
            Float.MAX_VALUE
        };
        for (float size : sizes) {
            float[] values = new float[32];
            values[19] = -size;
            values[3] = Float.NaN;
            CudaRig.Place place = rig.poisoned(QuantizeKernels.SCALE_BYTES);
            CudaRig.Place out = rig.poisoned(values.length);
            DeviceMatrix in =
                    new DeviceMatrix(rig.values(DType.F32, values).address(), 0, 16, DType.F32);
            kernels.quantize(in, 2, 16, 1, out.address(), place.address());
            float scale = scaleAt(place);
            assertThat(scale).as("of %s", size).isEqualTo(E4m3.scale(size));
            assertThat(out.read()[19] & 0xFF)
                    .as("of %s", size)
                    .isEqualTo(E4m3.nearest(-size / (double) scale));
        }
    }

    static float scaleAt(CudaRig.Place place) {
        long offset = QuantizeKernels.scale(place.address()) - place.address();
        return place.read(DType.F32)[Math.toIntExact(offset / Float.BYTES)];
    }
}
