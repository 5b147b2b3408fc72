/**
 * Operators on the CPU: float32 activations, row-major, in off-heap memory.
 *
 * <p>Offsets and strides count floats, never bytes. A result depends on shapes and inputs alone:
 * tiles are cut by shape, sums run in a fixed order, and a {@link
 * io.millrace.executor.cpu.op.WorkerPool} only decides who computes a tile. Matrix products are
 * oneDNN's, one thread each; everything between them is Vector API code of IEEE operations. This
 * package is the one door to {@code org.bytedeco.dnnl}.
 */
package io.millrace.executor.cpu.op;
