package io.millrace.memory;

/** Data that a checksum or a format check refused. */
public final class CorruptDataException extends OffloadException {
    private static final long serialVersionUID = 1L;

    /** An error that names the file, the place in it, and what was expected. */
    public CorruptDataException(String message) {
        super(message, null);
    }
}
