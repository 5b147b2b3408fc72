package io.millrace.executor.cuda.kernel;

import io.millrace.executor.cuda.product.DeviceMatmul;
import io.millrace.memory.Matmul;
import io.millrace.memory.cuda.CudaApi;

/** What comes from outside to run kernels and products on a CUDA device. */
public interface DeviceKit {
    /**
     * The kernel files, compiled for a device.
     *
     * @throws io.millrace.memory.BadInputException when the compiler is missing, naming it
     */
    byte[] image(CudaApi api, int device);

    /** Bytes of device memory that products work in. */
    long workspaceBytes();

    /**
     * Products on a stream, for the thread whose context is the device's.
     *
     * @param module the loaded image
     * @param workspace address of {@link #workspaceBytes}, 256-byte aligned
     * @param type what products compute on
     */
    DeviceMatmul matmul(CudaApi api, long module, long stream, long workspace, Matmul type);

    /** How large matrices are cut. */
    default PanelSizes panels() {
        return PanelSizes.DEFAULT;
    }
}
