/**
 * Operators on a CUDA device: the kernels of the {@code .cu} files beside this package, and how
 * they come to be.
 *
 * <p>Everything is handed to the device's compute stream, in order, and nothing waits for it.
 * Matrices of every scale of a query lie one after another, so that one launch serves them all.
 */
package io.millrace.executor.cuda.kernel;
