/** How codes of quantised matrices become float32: a file a layout, and the kernels they share. */
package io.millrace.model.quantized.format;
