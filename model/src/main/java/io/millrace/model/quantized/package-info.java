/**
 * Quantised checkpoints: which tensors of the files make a matrix together, as {@code
 * quantization_config} says, and how each format's codes become numbers.
 */
package io.millrace.model.quantized;
