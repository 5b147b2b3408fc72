package io.millrace.executor.cuda.weight;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.executor.Golden;
import io.millrace.executor.cuda.kernel.CudaRig;
import io.millrace.executor.cuda.kernel.DeviceKits;
import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.kernel.E4m3;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.executor.cuda.kernel.QuantizeKernels;
import io.millrace.executor.cuda.product.DeviceMatmul;
import io.millrace.executor.cuda.product.MatmulScales;
import io.millrace.executor.cuda.product.MatmulShape;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.step.ScratchSize;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.model.Checkpoint;
import io.millrace.model.spec.LinearSpec;
import io.millrace.optim.estimate.Questions;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which products are of E4M3, and that they are of the rows, panels and signs that were meant. */
@ExtendWith(SeedExtension.class)
final class DeviceGemmTest {
    private static final int ROWS = 10;
    private static final int INPUTS = 64;
    private static final int OUTPUTS = 32;
    private static final int SIGNS = 2;

    private HostKit kit;
    private CudaRig rig;
    private DeviceScratch scratch;
    private QuantizeKernels kernels;
    private DeviceMatmul library;
    private final List<MatmulShape> asked = new ArrayList<>();
    private DeviceGemm gemm;

    @BeforeEach
    void open() {
        kit = HostKit.install();
        rig = new CudaRig();
        ScratchSize size = ScratchSize.batches(1, 1, ROWS, Questions.each(1, SIGNS));
        try (Checkpoint checkpoint = Checkpoint.open(Golden.path("opt"))) {
            DeviceScratchPlan plan =
                    DeviceScratchPlan.of(
                            checkpoint.program(),
                            checkpoint.layout(),
                            size,
                            PanelSizes.DEFAULT,
                            0,
                            Optional.empty(),
                            true);
            DeviceBuffer passing = rig.own(DeviceScratch.passing(rig.device(), List.of(plan)));
            scratch =
                    new DeviceScratch(
                            rig.device(), rig.host(), checkpoint.program(), size, plan, passing);
        }
        long stream = rig.device().compute().handle();
        long module = rig.kernels().module();
        kernels = new QuantizeKernels(rig.device().api(), module, stream);
        library = DeviceKits.current().matmul(rig.device().api(), module, stream, 0, Matmul.FP8);
        gemm = new DeviceGemm(recording(library), Optional.of(new Fp8Operands(kernels, scratch)));
    }

    private DeviceMatmul recording(DeviceMatmul to) {
        return new DeviceMatmul() {
            @Override
            public void multiply(
                    MatmulShape shape, long x, long w, MatmulScales scales, long y, float factor) {
                asked.add(shape);
                to.multiply(shape, x, w, scales, y, factor);
            }

            @Override
            public void close() {
                to.close();
            }
        };
    }

    @AfterEach
    void close() {
        library.close();
        kernels.close();
        scratch.close();
        rig.close();
        kit.close();
    }

    private static LinearSpec linear(int inputs, int outputs, boolean inputMajor) {
        return new LinearSpec("w", null, inputs, outputs, inputMajor);
    }

    @ParameterizedTest
    @CsvSource({
        "64, 32, false, true",
        "64, 32, true, false",
        "72, 32, false, false",
        "64, 40, false, false"
    })
    void theShapeAloneDecides(int inputs, int outputs, boolean inputMajor, boolean quantizes) {
        LinearSpec spec = linear(inputs, outputs, inputMajor);
        assertThat(gemm.quantizes(spec)).isEqualTo(quantizes);
        assertThat(new DeviceGemm(library, Optional.empty()).quantizes(spec)).isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        // first row, rows, own matrices for each sign, products
        "0, 10, true, 2",
        "0, 10, false, 1",
        "3, 4, true, 2",
        "3, 4, false, 2"
    })
    void multipliesTheRowsAndPanelsThatWereMeant(
            int first, int rows, boolean own, int products, @Seed long seed) {
        Random random = new Random(seed);
        float[] x = normals(random, SIGNS * ROWS * INPUTS);
        float[] w = normals(random, (own ? SIGNS : 1) * OUTPUTS * INPUTS);
        float[] old = normals(random, SIGNS * rows * OUTPUTS);
        CudaRig.Place y = rig.values(DType.F32, old);
        LinearSpec spec = linear(INPUTS, OUTPUTS, false);
        DeviceMatrix xs = matrix(x, (long) ROWS * INPUTS, INPUTS);
        DeviceMatrix ws = matrix(w, own ? (long) OUTPUTS * INPUTS : 0, INPUTS);
        DeviceGemm.Input input = gemm.input(List.of(spec), xs, ROWS, SIGNS);
        DeviceGemm.Panel panel = gemm.panel(spec, ws, OUTPUTS, SIGNS);
        DeviceMatrix to = new DeviceMatrix(y.address(), (long) rows * OUTPUTS, OUTPUTS, DType.F32);
        gemm.multiply(spec, panel, input, first, to, rows, SIGNS, 0.5f, true);
        float[] actual = y.read(DType.F32);
        assertThat(asked).hasSize(products);
        assertThat(asked).allMatch(shape -> shape.inType() == MatmulShape.E4M3);
        double[] dx = throughE4m3(x, scaleOf(0));
        double[] dw = throughE4m3(w, scaleOf(QuantizeKernels.SCALE_BYTES));
        for (int sign = 0; sign < SIGNS; sign++) {
            for (int row = 0; row < rows; row++) {
                for (int output = 0; output < OUTPUTS; output++) {
                    int at = (sign * rows + row) * OUTPUTS + output;
                    double sum = old[at];
                    for (int i = 0; i < INPUTS; i++) {
                        double left = dx[(sign * ROWS + first + row) * INPUTS + i];
                        sum += 0.5 * left * dw[((own ? sign : 0) * OUTPUTS + output) * INPUTS + i];
                    }
                    assertThat((double) actual[at])
                            .as("sign %d, row %d, output %d, seed %d", sign, row, output, seed)
                            .isEqualTo(sum, within(1e-5));
                }
            }
        }
    }

    @Test
    void whereResultsLieAskewOrShapesDoNotFitProductsStayAsTheyAre() {
        Random random = new Random(5);
        float[] w = normals(random, SIGNS * OUTPUTS * INPUTS);
        DeviceMatrix xs = matrix(normals(random, SIGNS * ROWS * INPUTS), ROWS * INPUTS, INPUTS);
        DeviceMatrix ws = matrix(w, OUTPUTS * INPUTS, INPUTS);
        CudaRig.Place y = rig.values(DType.F32, new float[SIGNS * ROWS * 48]);
        DeviceMatrix to = new DeviceMatrix(y.address(), ROWS * 48, 48, DType.F32);
        LinearSpec fits = linear(INPUTS, OUTPUTS, false);
        LinearSpec doesNot = linear(INPUTS, OUTPUTS - 4, false);
        multiply(fits, xs, ws, OUTPUTS, to.column(1));
        multiply(doesNot, xs, ws, OUTPUTS - 4, to);
        assertThat(asked).hasSize(2).allMatch(shape -> shape.inType() == DType.F32);
        multiply(fits, xs, ws, OUTPUTS, to.column(4));
        assertThat(asked.getLast().inType()).isEqualTo(MatmulShape.E4M3);
    }

    private void multiply(
            LinearSpec spec, DeviceMatrix x, DeviceMatrix w, int outputs, DeviceMatrix y) {
        DeviceGemm.Input input = gemm.input(List.of(spec), x, ROWS, SIGNS);
        DeviceGemm.Panel panel = gemm.panel(spec, w, outputs, SIGNS);
        gemm.multiply(spec, panel, input, 0, y, ROWS, SIGNS, 1, false);
        rig.device().compute().synchronize();
    }

    private DeviceMatrix matrix(float[] values, long stride, long rowStride) {
        long address = rig.values(DType.F32, values).address();
        return new DeviceMatrix(address, stride, rowStride, DType.F32);
    }

    private float scaleOf(long offset) {
        long place = QuantizeKernels.scale(scratch.address(Part.E4M3_SCALES) + offset);
        return kit.cuda().deviceMemory(place, 4).get(ValueLayout.JAVA_FLOAT, 0);
    }

    private static double[] throughE4m3(float[] values, float scale) {
        double[] result = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            result[i] = scale * E4m3.value(E4m3.nearest(values[i] / scale));
        }
        return result;
    }

    private static float[] normals(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
