package io.millrace.executor;

import io.millrace.memory.RequiresGpu;

/** On a card. */
@RequiresGpu
final class GpuInvarianceTest extends CudaInvarianceContract {}
