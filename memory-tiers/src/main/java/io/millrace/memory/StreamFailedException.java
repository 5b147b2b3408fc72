package io.millrace.memory;

/** Work on a device's stream that failed; the cause is what failed first. */
public final class StreamFailedException extends OffloadException {
    private static final long serialVersionUID = 1L;

    /** An error that names the stream. */
    public StreamFailedException(String message, Throwable cause) {
        super(message, cause);
    }
}
