/**
 * Which block is where, and when it must be elsewhere: placement, block feeds, the pipeline.
 *
 * <pre>
 *   PlacementRequest --&gt; Placement --&gt; PipelinedFeed --&gt; BlockLease
 *                                          ^
 *                            VisitPlan of each pass (VisitRing)
 *
 *   BlockSource --&gt; nvme-read --&gt; h2d --&gt; compute --&gt; d2h --&gt; nvme-write --&gt; BlockSink
 *                       |          |      (caller)      |          |
 *               BlockTable: the Residency of slots, claims, changes; PipelineMonitor: the one lock
 * </pre>
 *
 * <p>Each lane but computation has a thread named after it, such as {@code millrace-nvme-read}; a
 * feed is used from one thread. Imports memory tiers and telemetry; the only package that imports
 * {@code com.lmax}.
 */
package io.millrace.prefetch;
