package io.millrace.executor.place;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.millrace.executor.cpu.CpuEngine;
import io.millrace.executor.cuda.CudaEngine;
import io.millrace.memory.BadInputException;
import org.junit.jupiter.api.Test;

class EnginesTest {
    @Test
    void everyKindHasItsOwn() {
        assertThat(Engines.of("cpu")).isInstanceOf(CpuEngine.class);
        assertThat(Engines.of("emulated")).isInstanceOf(CpuEngine.class);
        assertThat(Engines.of("cuda:1")).isInstanceOf(CudaEngine.class);
    }

    @Test
    void anUnknownKindIsRefused() {
        assertThatExceptionOfType(BadInputException.class)
                .isThrownBy(() -> Engines.of("tpu:0"))
                .withMessage(
                        "--device: no device 'tpu:0'; use cpu, emulated, or cuda:0 and its like");
    }
}
