/**
 * What a step is, whatever computes it. It imports no device.
 *
 * <pre>
 *   StepRunner ── ForwardRequest (queries, micro-batches, pending updates) ──&gt; Forward (of an Engine)
 *                                                                              │ for each block
 *       BlockFeed ── lease ──&gt; BlockVisit: what is pending, what is folded now ─┤ Schedule
 *                                                                              ▼
 *   StepRecord &lt;── value of each scale ── StepBatch &lt;── HeadSink (losses, choices, logits)
 * </pre>
 */
package io.millrace.executor.step;
