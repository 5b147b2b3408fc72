package io.millrace.executor.cuda.kernel;

import io.millrace.memory.RequiresGpu;

/** The kernels on a card. */
@RequiresGpu
final class GpuPairKernelsTest extends PairKernelsContract {}
