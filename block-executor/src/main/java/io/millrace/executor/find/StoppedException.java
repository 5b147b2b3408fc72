package io.millrace.executor.find;

/** The search was asked to stop. */
public final class StoppedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** A stop that was asked for. */
    public StoppedException() {
        super("stopped as asked");
    }
}
