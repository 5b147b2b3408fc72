package io.millrace.telemetry;

/**
 * What was counted beside a step's lanes.
 *
 * @param droppedSpans spans that the recorder dropped, and which the overlap therefore misses
 * @param slices bytes that came by slices, and who has read them
 */
public record StepCounts(long droppedSpans, SliceBytes slices) {}
