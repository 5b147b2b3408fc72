package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.memory.cuda.HostCudaOptions;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** The same on the CUDA engine, but for scores that fall with distance, and experts. */
class CudaDecodersTest extends DecodersTest {
    private HostKit kit;

    static Stream<String> names() {
        String refused =
                "(bloom|mpt|mixtral|qwen2_moe|qwen3_moe|olmoe|granitemoe|gpt_oss|deepseek_v[23]|glm4_moe"
                        + "|dots1)[.-].*";
        return DecodersTest.names().filter(name -> !name.matches(refused));
    }

    @BeforeEach
    void install() {
        kit = HostKit.install(HostCudaOptions.defaults(), new PanelSizes(4096, 5, 96));
    }

    @AfterEach
    void uninstall() {
        try (HostKit installed = kit) {
            assertThat(installed.cuda().calls("cuLaunchKernel")).as("launches").isNotEmpty();
        }
    }

    @Override
    MemoryConfig memory() {
        return CudaRuns.onDevice();
    }
}
