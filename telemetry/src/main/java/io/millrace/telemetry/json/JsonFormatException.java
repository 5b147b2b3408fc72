package io.millrace.telemetry.json;

/** Text that is not JSON, or JSON in which a field is missing or of another kind than asked for. */
public final class JsonFormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** An error described by one line without the name of the file, which the caller adds. */
    public JsonFormatException(String message) {
        super(message);
    }
}
