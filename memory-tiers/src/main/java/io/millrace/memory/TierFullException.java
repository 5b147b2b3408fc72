package io.millrace.memory;

/** An allocation that would break the promise of a budget, or that a full disk refused. */
public final class TierFullException extends OffloadException {
    private static final long serialVersionUID = 1L;

    /** An error that names the tier, what was asked for, and what is left. */
    public TierFullException(String message) {
        super(message, null);
    }
}
