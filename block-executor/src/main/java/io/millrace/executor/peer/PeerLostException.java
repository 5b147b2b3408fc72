package io.millrace.executor.peer;

/** A worker is gone, hangs, or does something else than the others; the message names it. */
public final class PeerLostException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int rank;

    /**
     * @param rank of the worker that is lost, or -1 where that cannot be told
     * @param message one line that names the worker and what to do
     * @param cause what was seen; may be null
     */
    public PeerLostException(int rank, String message, Throwable cause) {
        super(message, cause);
        this.rank = rank;
    }

    /** The worker that is lost, or -1 where that cannot be told. */
    public int rank() {
        return rank;
    }
}
