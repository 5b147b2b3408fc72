package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.RequiresGpu;

/** The same on a card. */
@RequiresGpu
final class GpuGoldenForwardTest extends GoldenForwardTest {
    @Override
    MemoryConfig memory() {
        return CudaRuns.onDevice();
    }
}
