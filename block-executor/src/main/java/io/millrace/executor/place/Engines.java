package io.millrace.executor.place;

import io.millrace.executor.cpu.CpuEngine;
import io.millrace.executor.cuda.CudaEngine;
import io.millrace.executor.step.Engine;
import io.millrace.memory.device.DeviceKind;

/** Which engine runs on which kind of device. A new kind of device is a line here. */
public final class Engines {
    private Engines() {}

    /** An engine for a kind of device; nothing of it is loaded. */
    public static Engine of(DeviceKind kind) {
        return switch (kind) {
            case CPU, EMULATED -> new CpuEngine();
            case CUDA -> new CudaEngine();
        };
    }
}
