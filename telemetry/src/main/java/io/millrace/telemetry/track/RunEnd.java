package io.millrace.telemetry.track;

/** How a run ended, as far as who follows it wants to know. */
public enum RunEnd {
    /** Its model is saved. */
    DONE,
    /** It was asked to stop and can be resumed. */
    INTERRUPTED,
    /** Neither. */
    FAILED
}
