package io.millrace.memory.host;

import io.millrace.memory.ByteSize;

/**
 * How much of the memory that was to be pinned is.
 *
 * @param method how, such as {@code mlock}
 * @param pinnedBytes bytes pinned now
 * @param unpinnedBytes bytes that were to be pinned, live now, and are not
 * @param warning why the last refusal came and its cure; empty where none came
 */
public record PinReport(String method, long pinnedBytes, long unpinnedBytes, String warning) {

    /** Whether everything that was to be pinned is. */
    public boolean isComplete() {
        return unpinnedBytes == 0;
    }

    /** One line for the run's output. */
    public String describe() {
        String pinned = ByteSize.format(pinnedBytes) + " pinned by " + method;
        return isComplete()
                ? pinned
                : pinned + ", " + ByteSize.format(unpinnedBytes) + " not pinned: " + warning;
    }
}
