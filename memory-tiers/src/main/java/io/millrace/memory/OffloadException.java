package io.millrace.memory;

/** A tier that failed while a run was under way; the message has the operation and its operands. */
public sealed class OffloadException extends RuntimeException
        permits NativeCallException,
                TierFullException,
                CorruptDataException,
                StreamFailedException {
    private static final long serialVersionUID = 1L;

    OffloadException(String message, Throwable cause) {
        super(message, cause);
    }
}
