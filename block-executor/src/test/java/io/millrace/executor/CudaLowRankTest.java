package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.memory.DType;
import io.millrace.memory.cuda.HostCudaOptions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** The same on the CUDA engine, with its kernels as host code and large matrices cut small. */
class CudaLowRankTest extends LowRankTest {
    private HostKit kit;

    @BeforeEach
    void install() {
        kit = HostKit.install(HostCudaOptions.defaults(), new PanelSizes(8192, 48, 128));
    }

    @AfterEach
    void uninstall() {
        kit.close();
    }

    @Override
    MemoryConfig memory() {
        return CudaRuns.onDevice();
    }

    @Override
    double lossBound(DType dtype) {
        // As host code, float32 products are as exact as the CPU's.
        return dtype == DType.F32 ? super.lossBound(dtype) : CudaRuns.lossBound(dtype);
    }

    @Override
    double slopeBound(DType dtype) {
        return dtype == DType.F32 ? super.slopeBound(dtype) : CudaRuns.slopeBound(dtype);
    }
}
