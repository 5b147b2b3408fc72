package io.millrace.optim.participation;

/** What becomes of the states of a layer that has no part any more. */
public enum LeftStates {
    /** They stay as they are until the layer has a part again. */
    KEEP,
    /** The layer begins anew when it has a part again. */
    DROP
}
