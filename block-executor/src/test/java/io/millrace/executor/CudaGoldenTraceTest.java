package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.memory.cuda.HostCudaOptions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;

/** The same on the CUDA engine, with its kernels as host code and large matrices cut small. */
@Tag("long")
class CudaGoldenTraceTest extends GoldenTraceTest {
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
    boolean runs(String trace) {
        return trace.equals("gaussian-wd0.1") || trace.equals("rademacher-wd0.1-q3");
    }

    @Override
    MemoryConfig memory() {
        return CudaRuns.onDevice();
    }
}
