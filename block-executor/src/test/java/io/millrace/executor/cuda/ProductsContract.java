package io.millrace.executor.cuda;

import static org.assertj.core.api.Assertions.assertThat;

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

    private static float[] values(Random random, DType type, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return CudaRig.rounded(type, values);
    }

    private float[] product(DType type, Matmul matmul, boolean inputMajor, float[] x, float[] w) {
        CudaKit kit = CudaKits.current();
        long bytes = Math.max(1, kit.workspaceBytes());
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
        try (DeviceBuffer workspace = rig.device().allocate("workspace", bytes);
                CudaMatmul products =
                        kit.matmul(
                                rig.device().api(),
                                rig.kernels().module(),
                                rig.device().compute().handle(),
                                workspace.address(),
                                matmul)) {
            products.multiply(shape, in.address(),weights.address(), MatmulScales.NONE,out.address(), 1f);
            rig.device().compute().synchronize();
        }
        return out.read(type);
    }
}
