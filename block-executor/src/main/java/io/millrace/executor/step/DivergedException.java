package io.millrace.executor.step;

/** A run whose losses or weights stopped being numbers. */
public final class DivergedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** An error that names the step and the mend. */
    public DivergedException(String message) {
        super(message);
    }
}
