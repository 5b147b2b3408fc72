package io.millrace.executor.cuda.kernel;

import io.millrace.memory.RequiresGpu;

/** On a card. */
@RequiresGpu
final class GpuPackedKernelsTest extends PackedKernelsContract {}
