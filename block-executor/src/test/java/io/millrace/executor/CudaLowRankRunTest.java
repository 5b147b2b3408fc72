package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.memory.cuda.HostCudaOptions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;

/** The same on the CUDA engine, with its kernels as host code; replays go on the CPU. */
@Tag("long")
class CudaLowRankRunTest extends LowRankRunTest {
    private HostKit kit;

    @BeforeEach
    void install() {
        kit =
                HostKit.install(
                        HostCudaOptions.defaults().withDelays(9, 100_000),
                        new PanelSizes(8192, 48, 128));
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
