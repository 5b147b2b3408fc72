package io.millrace.executor.cuda;

import io.millrace.memory.RequiresGpu;

/** The library's products on a card. */
@RequiresGpu
final class GpuProductsTest extends ProductsContract {}
