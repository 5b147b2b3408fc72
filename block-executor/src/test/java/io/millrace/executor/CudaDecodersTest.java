package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.memory.cuda.HostCudaOptions;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** The same on the CUDA engine, but for scores that fall with distance and biases of logits. */
class CudaDecodersTest extends DecodersTest {
    private HostKit kit;

    static Stream<String> names() {
        return DecodersTest.names().filter(name -> !name.matches("(bloom|mpt|gptj|phi)[.-].*"));
    }

    @BeforeEach
    void install() {
        kit = HostKit.install(HostCudaOptions.defaults(), new PanelSizes(4096, 5, 96));
    }

    @AfterEach
    void uninstall() {
        assertThat(kit.cuda().calls("cuLaunchKernel")).as("launches").isNotEmpty();
        kit.close();
    }

    @Override
    MemoryConfig memory() {
        return CudaRuns.onDevice();
    }
}
