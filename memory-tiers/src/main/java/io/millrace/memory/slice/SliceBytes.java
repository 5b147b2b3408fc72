package io.millrace.memory.slice;

/**
 * Bytes of blocks that came to a worker which reads slices with others of its host.
 *
 * @param drive that it has read itself
 * @param peers that others have read for it
 */
public record SliceBytes(long drive, long peers) {
    /** Where each worker reads all that it needs. */
    public static final SliceBytes NONE = new SliceBytes(0, 0);

    /** What came since. */
    public SliceBytes since(SliceBytes before) {
        return new SliceBytes(drive - before.drive, peers - before.peers);
    }
}
