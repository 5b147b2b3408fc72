package io.millrace.executor;

import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.memory.cuda.HostCudaOptions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** With the kernels as host code, and random pauses before what streams do. */
final class CudaInvarianceTest extends CudaInvarianceContract {
    private HostKit kit;

    @BeforeEach
    void install() {
        kit =
                HostKit.install(
                        HostCudaOptions.defaults().withDelays(5, 200_000),
                        new PanelSizes(8192, 48, 128));
    }

    @AfterEach
    void uninstall() {
        kit.close();
    }
}
