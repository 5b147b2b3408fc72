/**
 * The step on a card: a block's operators as launches on one stream.
 *
 * <pre>
 *   CudaEngine ── CudaPlan ──&gt; DeviceForward ──&gt; BatchUpload, BlockLauncher (ScoreKernels) ──&gt; AnswerDownload
 *                                 │                        │ each operator asks for its weights
 *                                 └ by the direction ──&gt; cuda.dense | cuda.lowrank
 *                                                          │
 *                                                    cuda.weight   formed weights, products, scratch memory
 *                                                          ▼
 *                                                    cuda.kernel   launches and library calls, no model
 * </pre>
 */
package io.millrace.executor.cuda;
