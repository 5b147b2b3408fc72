package io.millrace.executor.place;

import io.millrace.prefetch.BlockFeed;
import io.millrace.prefetch.BlockLease;
import io.millrace.prefetch.VisitPlan;
import java.util.function.IntPredicate;

/** A feed that tells before each block is lent. */
final class WatchedFeed implements BlockFeed {
    private final BlockFeed feed;
    private Runnable watcher = () -> {};

    WatchedFeed(BlockFeed feed) {
        this.feed = feed;
    }

    /** Replaces who is told; called from the thread that acquires. */
    void watch(Runnable newWatcher) {
        watcher = newWatcher;
    }

    @Override
    public void begin(VisitPlan plan, VisitPlan next) {
        feed.begin(plan, next);
    }

    @Override
    public void foresee(IntPredicate comes) {
        feed.foresee(comes);
    }

    @Override
    public void decide(IntPredicate comes) {
        feed.decide(comes);
    }

    @Override
    public BlockLease acquire(int block) {
        watcher.run();
        return feed.acquire(block);
    }

    @Override
    public void close() {
        feed.close();
    }
}
