package io.millrace.telemetry;

/**
 * What one lane did in a window.
 *
 * @param busySeconds length of the union of the lane's spans, clipped to the window
 * @param bytes bytes of the spans that ended in the window, or before it and were not counted yet
 */
public record LaneUse(double busySeconds, long bytes) {}
