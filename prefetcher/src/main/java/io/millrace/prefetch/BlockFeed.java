package io.millrace.prefetch;

/**
 * Brings blocks to the device in the order in which a step visits them. One thread acquires and
 * closes leases; what moves bytes behind it is the implementation's.
 */
public interface BlockFeed extends AutoCloseable {
    /**
     * Waits until a block is on the device and lends it. Blocks are asked for in the order of the
     * visit plan, step after step; the next may be asked for before the last is closed only where
     * the implementation says so.
     *
     * @param block index of the block
     * @throws RuntimeException the first failure of any lane, with its cause
     */
    BlockLease acquire(int block);

    /** Waits for writes under way, then frees what it owns. */
    @Override
    void close();
}
