package io.millrace.executor;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.cuda.kernel.HostKit;
import io.millrace.executor.cuda.kernel.PanelSizes;
import io.millrace.memory.BadInputException;
import io.millrace.memory.cuda.HostCudaOptions;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The same on the CUDA engine, with its kernels as host code. */
class CudaEncodersTest extends EncodersTest {
    private static final String WITH_RELATIVE_POSITIONS = "deberta";

    private HostKit kit;

    static Stream<String> names() {
        return EncodersTest.names().filter(name -> !name.startsWith(WITH_RELATIVE_POSITIONS));
    }

    @Test
    void refusesScoresOfRelativePositions() {
        assertThatThrownBy(() ->
                        DecodersTest.assertAgrees(
                                temp, Golden.json("encoders/deberta-v3.json"), memory()))
                .isInstanceOf(BadInputException.class)
                .hasMessageContaining("no kernel of a cuda device has scores of relative");
    }

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
