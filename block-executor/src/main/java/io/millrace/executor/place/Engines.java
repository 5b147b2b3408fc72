package io.millrace.executor.place;

import io.millrace.executor.cpu.CpuEngine;
import io.millrace.executor.cuda.CudaEngine;
import io.millrace.executor.step.Engine;
import io.millrace.memory.BadInputException;
import io.millrace.memory.device.Devices;
import java.util.Map;
import java.util.function.Supplier;

/** Which engine runs on which kind of device. A new kind of device is a line here. */
public final class Engines {
    private static final Map<String, Supplier<Engine>> KINDS =
            Map.of("cpu", CpuEngine::new, "emulated", CpuEngine::new, "cuda", CudaEngine::new);

    private Engines() {}

    /**
     * An engine for a device.
     *
     * @param device its name, a kind or a kind and an ordinal
     * @throws BadInputException when there is no such kind
     */
    public static Engine of(String device) {
        String kind = Devices.requireKind(device, "--device");
        Supplier<Engine> engine = KINDS.get(kind);
        if (engine == null) {
            throw new IllegalStateException("no engine for devices of kind '" + kind + "'");
        }
        return engine.get();
    }
}
