package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.memory.cuda.HostCudaOptions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** The same on the CUDA engine, with its kernels as host code. */
class CudaEncodersTest extends EncodersTest {
    private HostKit kit;

    @BeforeEach
    void install() {
        kit = HostKit.install(HostCudaOptions.defaults(), new PanelSizes(4096, 5, 96));
    }

    @AfterEach
    void uninstall() {
        kit.close();
    }

    @Override
    MemoryConfig memory() {
        return CudaRuns.onDevice();
    }
}
