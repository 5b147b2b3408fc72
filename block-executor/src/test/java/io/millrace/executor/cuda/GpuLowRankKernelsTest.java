package io.millrace.executor.cuda;

import io.millrace.memory.RequiresGpu;

/** The kernels on a card. */
@RequiresGpu
final class GpuLowRankKernelsTest extends LowRankKernelsContract {}
