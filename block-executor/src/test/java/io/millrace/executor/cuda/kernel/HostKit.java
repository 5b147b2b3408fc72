package io.millrace.executor.cuda.kernel;

import io.millrace.executor.cuda.product.DeviceMatmul;
import io.millrace.executor.cuda.product.MatmulScales;
import io.millrace.executor.cuda.product.MatmulShape;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.HostCuda;
import io.millrace.memory.cuda.HostCudaOptions;
import io.millrace.memory.cuda.KernelArguments;

/**
 * A CUDA machine without a card: while it is installed, {@code cuda:0} computes on the host with
 * the kernels of the .cu files and products by plain loops.
 */
public final class HostKit implements DeviceKit, AutoCloseable {
    private final HostCuda cuda;
    private final PanelSizes panels;
    private final AutoCloseable driver;
    private final AutoCloseable kit;

    private HostKit(HostCudaOptions options, PanelSizes panels) {
        this.panels = panels;
        cuda = new HostCuda(options, HostKernels.orSkip());
        driver = cuda.install();
        kit = DeviceKits.replace(this);
    }

    /** Installs one with the sizes that a card has; skips the test where it cannot. */
    public static HostKit install() {
        return install(HostCudaOptions.defaults(), PanelSizes.DEFAULT);
    }

    /** Installs one. */
    public static HostKit install(HostCudaOptions options, PanelSizes panels) {
        return new HostKit(options, panels);
    }

    /** The driver. */
    public HostCuda cuda() {
        return cuda;
    }

    @Override
    public byte[] image(CudaApi api, int device) {
        return new byte[] {1};
    }

    @Override
    public long workspaceBytes() {
        return 0;
    }

    @Override
    public PanelSizes panels() {
        return panels;
    }

    @Override
    public DeviceMatmul matmul(CudaApi api, long module, long stream, long workspace, Matmul type) {
        long function = api.function(module, "host_matmul");
        KernelArguments arguments = new KernelArguments();
        return new DeviceMatmul() {
            @Override
            public void multiply(
                    MatmulShape shape, long x, long w, MatmulScales scales, long y, float factor) {
                boolean quantized = shape.inType() == MatmulShape.E4M3;
                arguments
                        .begin()
                        .int64(x)
                        .int64(w)
                        .int64(y)
                        .int64(shape.strideX())
                        .int64(shape.strideW())
                        .int64(shape.strideY())
                        .int64(shape.rowX())
                        .int64(shape.rowW())
                        .int64(shape.rowY())
                        .int32(shape.rows())
                        .int32(shape.outputs())
                        .int32(shape.inputs())
                        .int32(shape.inputMajor() ? 1 : 0)
                        .int32(shape.accumulate() ? 1 : 0)
                        .int32(quantized ? 0 : KernelCodes.of(shape.inType()))
                        .int32(KernelCodes.of(shape.outType()))
                        .float32(factor)
                        .int32(type == Matmul.TF32 && shape.inType() == DType.F32 ? 1 : 0)
                        .int32(quantized ? 1 : 0)
                        .int64(scales.x())
                        .int64(scales.w());
                api.launchKernel(function, shape.batch(), 1, 1, 1, 1, 1, 0, stream, arguments);
            }

            @Override
            public void close() {
                arguments.close();
            }
        };
    }

    @Override
    public void close() {
        try {
            kit.close();
            driver.close();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
        cuda.requireNothingLeft();
        cuda.close();
    }
}
