package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import java.util.Optional;
import java.util.OptionalLong;

/** Where runs on a CUDA device may put their bytes. */
final class CudaRuns {
    private CudaRuns() {}

    /** All of it on the first device. */
    static MemoryConfig onDevice() {
        return memory(0, 0, 2, true);
    }

    /** Budgets in bytes, 0 for none. */
    static MemoryConfig memory(long host, long device, int prefetch, boolean overlap) {
        return new MemoryConfig(
                "cuda:0",
                device == 0 ? OptionalLong.empty() : OptionalLong.of(device),
                host == 0 ? OptionalLong.empty() : OptionalLong.of(host),
                Optional.empty(),
                OptionalLong.empty(),
                prefetch,
                overlap);
    }
}
