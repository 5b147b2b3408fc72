/**
 * Products on a CUDA device, by cuBLASLt: what is asked for, and plans of it that stay.
 *
 * <p>Everything is handed to the device's compute stream, in order, and nothing waits for it.
 */
package io.millrace.executor.cuda.product;
