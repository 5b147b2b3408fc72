package io.millrace.prefetch;

/** Waits for the journal: a block may only reach the drive after the steps that it holds. */
@FunctionalInterface
public interface DurableThrough {
    /** Returns once the journal holds a step, and all before it, durably. Called by any lane. */
    void await(long step);
}
