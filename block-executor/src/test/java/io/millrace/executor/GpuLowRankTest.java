package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.DType;
import io.millrace.memory.RequiresGpu;

/** The same on a card. */
@RequiresGpu
final class GpuLowRankTest extends LowRankTest {
    @Override
    MemoryConfig memory() {
        return CudaRuns.onDevice();
    }

    @Override
    double lossBound(DType dtype) {
        return CudaRuns.lossBound(dtype);
    }

    @Override
    double slopeBound(DType dtype) {
        return CudaRuns.slopeBound(dtype);
    }
}
