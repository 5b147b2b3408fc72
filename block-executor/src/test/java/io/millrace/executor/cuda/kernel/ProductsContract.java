package io.millrace.executor.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.executor.cuda.product.DeviceMatmul;
import io.millrace.executor.cuda.product.MatmulScales;
import io.millrace.executor.cuda.product.MatmulShape;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.Seed;
import io.millrace.memory.SeedExtension;
import io.millrace.memory.device.DeviceBuffer;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Products against plain loops in double, for each type that they compute on. */
@ExtendWith(SeedExtension.class)
abstract class ProductsContract {
    private static final int SIGNS = 2;
    private static final int ROWS = 33;
    private static final int OUTPUTS = 64;
    private static final int INPUTS = 96;

    private CudaRig rig;

    @BeforeEach
    void open() {
        rig = new CudaRig();
    }

    @AfterEach
    void close() {
        rig.close();
    }

    /** The bounds are of a sum's error over the sum of its terms' sizes. */
    @ParameterizedTest
    @CsvSource({
        "F32, NATIVE, false, 1e-6, 0",
        "F32, NATIVE, true, 1e-6, 0",
        "F32, TF32, false, 1e-3, 1e-6",
        "F32, TF32, true, 1e-3, 1e-6",
        "BF16, NATIVE, false, 5e-3, 0",
        "F16, NATIVE, false, 1e-3, 0"
    })
    void areWithinTheirTypesError(
            DType type,
            Matmul matmul,
            boolean inputMajor,
            double most,
            double least,
            @Seed long seed) {
        Random random = new Random(seed);
        float[] x = values(random, type, SIGNS * ROWS * INPUTS);
        float[] w = values(random, type, SIGNS * OUTPUTS * INPUTS);
        float[] y = product(type, matmul, inputMajor, x, w);
        double worst = 0;
        for (int sign = 0; sign < SIGNS; sign++) {
            for (int row = 0; row < ROWS; row++) {
                for (int output = 0; output < OUTPUTS; output++) {
                    double sum = 0;
                    double size = 0;
                    for (int input = 0; input < INPUTS; input++) {
                        int place = inputMajor ? input * OUTPUTS + output : output * INPUTS + input;
                        double term =
                                (double) x[(sign * ROWS + row) * INPUTS + input]
                                        * w[sign * OUTPUTS * INPUTS + place];
                        sum += term;
                        size += Math.abs(term);
                    }
                    double error = y[(sign * ROWS + row) * OUTPUTS + output] - sum;
                    worst = Math.max(worst, Math.abs(error) / size);
                }
            }
        }
        assertThat(worst).as("%s %s, seed %d", type, matmul, seed).isBetween(least, most);
    }

    /** Of what was rounded, a product is exact but for its sum; a sign at a time, one is added. */
    @ParameterizedTest
    @CsvSource({"F32, 1e-6", "BF16, 5e-3", "F16, 1e-3"})
    void ofE4m3AreOfWhatWasRounded(DType type, double most, @Seed long seed) {
        assumeTrue(
                rig.device().facts().computeCapability() >= 89,
                "tensor cores multiply E4M3 from compute capability 8.9 on");
        Random random = new Random(seed);
        float[] x = values(random, type, SIGNS * ROWS * INPUTS);
        float[] w = values(random, type, SIGNS * OUTPUTS * INPUTS);
        float[] old = values(random, type, SIGNS * ROWS * OUTPUTS);
        float[] y = productOfE4m3(type, x, w, old);
        double[] roundedX = throughE4m3(x);
        double[] roundedW = throughE4m3(w);
        double worst = 0;
        double change = 0;
        for (int sign = 0; sign < SIGNS; sign++) {
            for (int row = 0; row < ROWS; row++) {
                for (int output = 0; output < OUTPUTS; output++) {
                    int at = (sign * ROWS + row) * OUTPUTS + output;
                    double sum = old[at];
                    double exact = old[at];
                    double size = Math.abs(old[at]);
                    for (int input = 0; input < INPUTS; input++) {
                        int left = (sign * ROWS + row) * INPUTS + input;
                        int right = (sign * OUTPUTS + output) * INPUTS + input;
                        sum += 0.5 * roundedX[left] * roundedW[right];
                        exact += 0.5 * x[left] * w[right];
                        size += Math.abs(0.5 * roundedX[left] * roundedW[right]);
                    }
                    worst = Math.max(worst, Math.abs(y[at] - sum) / size);
                    change = Math.max(change, Math.abs(y[at] - exact) / size);
                }
            }
        }
        assertThat(worst).as("%s, seed %d", type, seed).isLessThan(most);
        // Two roundings by at most a sixteenth.
        assertThat(change).as("%s, seed %d", type, seed).isBetween(1e-3, 0.13);
    }

    private static double[] throughE4m3(float[] values) {
        double scale = E4m3.scale(E4m3.largest(values));
        double[] rounded = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            rounded[i] = scale * E4m3.value(E4m3.nearest(values[i] / scale));
        }
        return rounded;
    }

    private float[] productOfE4m3(DType type, float[] x, float[] w, float[] old) {
        CudaRig.Place in = rig.poisoned(x.length);
        CudaRig.Place weights = rig.poisoned(w.length);
        CudaRig.Place ofIn = rig.poisoned(QuantizeKernels.SCALE_BYTES);
        CudaRig.Place ofWeights = rig.poisoned(QuantizeKernels.SCALE_BYTES);
        CudaRig.Place out = rig.values(type, old);
        DeviceMatrix xs = signs(type, x, ROWS);
        DeviceMatrix ws = signs(type, w, OUTPUTS);
        MatmulScales scales =
                new MatmulScales(
                        QuantizeKernels.scale(ofIn.address()),
                        QuantizeKernels.scale(ofWeights.address()));
        MatmulShape shape =
                new MatmulShape(
                        ROWS,
                        OUTPUTS,
                        INPUTS,
                        false,
                        INPUTS,
                        INPUTS,
                        OUTPUTS,
                        1,
                        0,
                        0,
                        0,
                        MatmulShape.E4M3,
                        type,
                        true);
        long stream = rig.device().compute().handle();
        try (QuantizeKernels kernels =
                        new QuantizeKernels(rig.device().api(), rig.kernels().module(), stream);
                DeviceBuffer workspace = workspace();
                DeviceMatmul products = products(workspace, Matmul.FP8)) {
            kernels.quantize(xs, ROWS, INPUTS, SIGNS, in.address(), ofIn.address());
            kernels.quantize(ws, OUTPUTS, INPUTS, SIGNS, weights.address(), ofWeights.address());
            for (int sign = 0; sign < SIGNS; sign++) {
                products.multiply(
                        shape,
                        in.address() + (long) sign * ROWS * INPUTS,
                        weights.address() + (long) sign * OUTPUTS * INPUTS,
                        scales,
                        out.address() + (long) sign * ROWS * OUTPUTS * type.sizeBytes(),
                        0.5f);
            }
            rig.device().compute().synchronize();
        }
        return out.read(type);
    }

    private DeviceMatrix signs(DType type, float[] values, int rows) {
        long address = rig.values(type, values).address();
        return new DeviceMatrix(address, (long) rows * INPUTS, INPUTS, type);
    }

    private DeviceBuffer workspace() {
        long bytes = Math.max(1, DeviceKits.current().workspaceBytes());
        return rig.device().allocate("workspace", bytes);
    }

    private DeviceMatmul products(DeviceBuffer workspace, Matmul matmul) {
        return DeviceKits.current()
                .matmul(
                        rig.device().api(),
                        rig.kernels().module(),
                        rig.device().compute().handle(),
                        workspace.address(),
                        matmul);
    }

    private static float[] values(Random random, DType type, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return CudaRig.rounded(type, values);
    }

    private float[] product(DType type, Matmul matmul, boolean inputMajor, float[] x, float[] w) {
        CudaRig.Place in = rig.values(type, x);
        CudaRig.Place weights = rig.values(type, w);
        CudaRig.Place out = rig.poisoned((long) SIGNS * ROWS * OUTPUTS * type.sizeBytes());
        MatmulShape shape =
                new MatmulShape(
                        ROWS,
                        OUTPUTS,
                        INPUTS,
                        inputMajor,
                        INPUTS,
                        inputMajor ? OUTPUTS : INPUTS,
                        OUTPUTS,
                        SIGNS,
                        (long) ROWS * INPUTS,
                        (long) OUTPUTS * INPUTS,
                        (long) ROWS * OUTPUTS,
                        type,
                        type,
                        false);
        try (DeviceBuffer workspace = workspace();
                DeviceMatmul products = products(workspace, matmul)) {
            products.multiply(
                    shape, in.address(), weights.address(), MatmulScales.NONE, out.address(), 1f);
            rig.device().compute().synchronize();
        }
        return out.read(type);
    }
}
