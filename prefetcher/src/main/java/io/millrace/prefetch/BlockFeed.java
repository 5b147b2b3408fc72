package io.millrace.prefetch;

import java.util.function.IntPredicate;

/**
 * Brings blocks to the device in the order in which passes visit them. One thread begins passes,
 * acquires and closes leases; what moves bytes behind it is the implementation's.
 */
public interface BlockFeed extends AutoCloseable {
    /**
     * Begins a pass, while no lease is open. What is left of the pass before, should that have been
     * abandoned, is given up. A pass that nobody begins is the one that was expected.
     *
     * @param plan its visits
     * @param next the visits of the passes behind it, as far as anybody knows: blocks come ahead
     *     for them, and where they turn out otherwise that costs time and no bytes
     */
    void begin(VisitPlan plan, VisitPlan next);

    /** Begins a pass that is expected to be followed by others like it. */
    default void begin(VisitPlan plan) {
        begin(plan, plan);
    }

    /**
     * Says of some of the visits that may come behind the block that is lent now that they will:
     * they may be fetched before {@link #decide} says which of all come, these among them.
     *
     * @param comes whether the visit to a block is sure to come
     */
    default void foresee(IntPredicate comes) {}

    /**
     * Says which of the visits that may come do: of those that are next in the running pass, up to
     * the first that comes in any case. Nothing that may come is fetched before but for what was
     * {@linkplain #foresee foreseen}, and the others are not fetched at all; where every block is
     * there whatever comes, nothing follows from it.
     *
     * @param comes whether the visit to a block does
     */
    default void decide(IntPredicate comes) {}

    /**
     * Waits until a block is on the device and lends it. Blocks are asked for in the order of the
     * pass's plan; the next may be asked for before the last is closed only where the
     * implementation says so.
     *
     * @param block index of the block
     * @throws RuntimeException the first failure of any lane, with its cause
     */
    BlockLease acquire(int block);

    /** Waits for writes under way, then frees what it owns. */
    @Override
    void close();
}
