package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.DType;
import java.util.Optional;
import java.util.OptionalLong;

/** Where runs on a CUDA device may put their bytes. */
public final class CudaRuns {
    private CudaRuns() {}

    /** All of it on the first device. */
    public static MemoryConfig onDevice() {
        return memory(0, 0, 2, true);
    }

    /** How far losses may lie from exact ones: activations have the type of the weights. */
    static double lossBound(DType dtype) {
        return dtype == DType.F32 ? 2e-5 : dtype == DType.BF16 ? 1e-2 : 2e-3;
    }

    /** The same for slopes, at an eps of 1e-3. */
    static double slopeBound(DType dtype) {
        return lossBound(dtype) / 1e-3;
    }

    /** Budgets in bytes, 0 for none. */
    public static MemoryConfig memory(long host, long device, int prefetch, boolean overlap) {
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
