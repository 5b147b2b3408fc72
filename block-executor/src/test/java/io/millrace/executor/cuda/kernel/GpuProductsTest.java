package io.millrace.executor.cuda.kernel;

import io.millrace.memory.RequiresGpu;

/** The library's products on a card. */
@RequiresGpu
final class GpuProductsTest extends ProductsContract {}
