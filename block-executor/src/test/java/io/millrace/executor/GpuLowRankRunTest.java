package io.millrace.executor;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.memory.RequiresGpu;

/** The same on a card; replays go on the CPU. */
@RequiresGpu
final class GpuLowRankRunTest extends LowRankRunTest {
    @Override
    MemoryConfig memory() {
        return CudaRuns.onDevice();
    }
}
