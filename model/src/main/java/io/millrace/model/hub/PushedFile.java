package io.millrace.model.hub;

/**
 * What became of a file that was to go to a hub.
 *
 * @param name in the repository
 * @param sizeBytes of its content
 * @param fate what became of it
 */
public record PushedFile(String name, long sizeBytes, Fate fate) {
    /** What becomes of a file. */
    public enum Fate {
        /** The hub was not asked. */
        UNASKED,
        /** Its bytes went. */
        SENT,
        /** The hub had its content already, and now has the file. */
        KNOWN,
        /** The repository had it already, as it is. */
        UNCHANGED,
        /** The repository's rules leave it out. */
        IGNORED
    }
}
