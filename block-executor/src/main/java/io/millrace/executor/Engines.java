package io.millrace.executor;

import java.util.Map;
import java.util.function.Supplier;

/** Which engine runs on which kind of device. A new kind of device is a line here. */
final class Engines {
    private static final Map<String, Supplier<Engine>> KINDS =
            Map.of("cpu", CpuEngine::new, "emulated", CpuEngine::new, "cuda", CudaEngine::new);

    private Engines() {}

    /**
     * An engine for a device.
     *
     * @param device its name, a kind or a kind and an ordinal; one that no device has is refused
     *     where the device is opened
     */
    static Engine of(String device) {
        int colon = device.indexOf(':');
        String kind = colon < 0 ? device : device.substring(0, colon);
        return KINDS.getOrDefault(kind, CpuEngine::new).get();
    }
}
