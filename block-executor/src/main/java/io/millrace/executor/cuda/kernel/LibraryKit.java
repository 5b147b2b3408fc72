package io.millrace.executor.cuda.kernel;

import io.millrace.executor.cuda.compile.KernelCache;
import io.millrace.executor.cuda.compile.NvrtcCompiler;
import io.millrace.executor.cuda.product.CublasLtMatmul;
import io.millrace.executor.cuda.product.DeviceMatmul;
import io.millrace.memory.BadInputException;
import io.millrace.memory.Matmul;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.CudaAttribute;
import io.millrace.memory.cuda.CudaLibraries;

/** Kernels by NVRTC, products by cuBLASLt; both are loaded when they are first asked for. */
final class LibraryKit implements DeviceKit {
    // What NVIDIA advises for Hopper; older devices need less.
    private static final long WORKSPACE_BYTES = 32L << 20;

    private static final int OLDEST = 80; // bfloat16 products begin with Ampere

    @Override
    public byte[] image(CudaApi api, int device) {
        int capability =
                10 * api.attribute(device, CudaAttribute.COMPUTE_CAPABILITY_MAJOR)
                        + api.attribute(device, CudaAttribute.COMPUTE_CAPABILITY_MINOR);
        if (capability < OLDEST) {
            throw new BadInputException(
                    "--device",
                    api.deviceName(device) + " has compute capability " + capability / 10.0,
                    "use a card of 8.0 (A100) or newer, or --device cpu");
        }
        CudaLibraries.ofMachine().requireNvrtc();
        return KernelCache.ofUser().image(new NvrtcCompiler(), capability);
    }

    @Override
    public long workspaceBytes() {
        return WORKSPACE_BYTES;
    }

    @Override
    public DeviceMatmul matmul(CudaApi api, long module, long stream, long workspace, Matmul type) {
        CudaLibraries.ofMachine().requireCublasLt();
        return new CublasLtMatmul(stream, workspace, WORKSPACE_BYTES, type);
    }
}
