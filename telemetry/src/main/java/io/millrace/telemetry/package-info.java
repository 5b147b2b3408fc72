/**
 * What a run did: lanes, spans, overlap arithmetic and their exporters.
 *
 * <pre>
 *   lane threads --begin/end/record--> SpanRecorder --drain--> StepMeter --> StepOverlap
 *                                                                 |              |
 *                                                              SpanLog      StepMetrics
 *                                                                 |              |
 *                                                            TraceWriter   metrics.jsonl
 * </pre>
 *
 * <p>Any thread records; the step thread drains, measures and writes. The lowest floor: imports
 * nothing of the other modules.
 */
package io.millrace.telemetry;
