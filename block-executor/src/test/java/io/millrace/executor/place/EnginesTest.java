package io.millrace.executor.place;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.executor.cpu.CpuEngine;
import io.millrace.executor.cuda.CudaEngine;
import io.millrace.memory.device.DeviceKind;
import org.junit.jupiter.api.Test;

class EnginesTest {
    @Test
    void everyKindHasItsOwn() {
        assertThat(Engines.of(DeviceKind.CPU)).isInstanceOf(CpuEngine.class);
        assertThat(Engines.of(DeviceKind.EMULATED)).isInstanceOf(CpuEngine.class);
        assertThat(Engines.of(DeviceKind.CUDA)).isInstanceOf(CudaEngine.class);
    }
}
