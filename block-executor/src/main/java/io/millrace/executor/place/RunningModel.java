package io.millrace.executor.place;

import io.millrace.executor.step.Forward;
import io.millrace.memory.OwnedResources;

/** A model whose blocks are where they were planned to be, and the forwards over it. */
public final class RunningModel implements AutoCloseable {
    private final BlockTiers tiers;
    private final WatchedFeed feed;
    private final Forward forward;
    private final OwnedResources owned;

    RunningModel(BlockTiers tiers, WatchedFeed feed, Forward forward, OwnedResources owned) {
        this.tiers = tiers;
        this.feed = feed;
        this.forward = forward;
        this.owned = owned;
    }

    public BlockTiers tiers() {
        return tiers;
    }

    public Forward forward() {
        return forward;
    }

    /** Says who is told before each visit to a block. */
    public void watchVisits(Runnable watcher) {
        feed.watch(watcher);
    }

    /**
     * Gives up the weights and all memory that forwards took, the forwards first: nothing computes
     * any more when blocks go. The base stays open; a second call does nothing.
     */
    @Override
    public void close() {
        owned.close();
    }
}
