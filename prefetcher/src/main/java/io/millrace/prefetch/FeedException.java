package io.millrace.prefetch;

/**
 * The first failure of a pipeline, as whoever waits for a block sees it; its cause is the lane's.
 */
public final class FeedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    FeedException(String message, Throwable cause) {
        super(message, cause);
    }
}
