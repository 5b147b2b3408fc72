package io.millrace.executor.place;

import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.memory.OwnedResources;
import io.millrace.telemetry.SpanRecorder;
import java.util.Optional;

/**
 * A model of which it is decided where everything lies; of its blocks and for its forwards, nothing
 * is allocated.
 */
public final class PlannedModel implements AutoCloseable {
    private final PlannedTiers tiers;
    private final Engine.Plan forwards;
    private final SpanRecorder spans;
    private final OwnedResources owned = new OwnedResources();

    PlannedModel(PlannedTiers tiers, Engine.Plan forwards, SpanRecorder spans) {
        this.tiers = owned.own(tiers);
        this.forwards = forwards;
        this.spans = spans;
    }

    public PlannedTiers tiers() {
        return tiers;
    }

    /**
     * Takes the memory that was planned, and loads weights.
     *
     * @param store where changed blocks may go
     * @param firstStep the step that comes first
     * @return closed by closing either of the two
     */
    public RunningModel start(Optional<StoreFolder> store, long firstStep) {
        BlockTiers started = owned.own(new BlockTiers(tiers, store, firstStep));
        WatchedFeed feed = new WatchedFeed(started.feed());
        Engine.Place place =
                new Engine.Place(
                                started.device(),
                                started.scratchMemory(),
                                started.hostMemory(),
                                feed,
                                spans)
                        .withRows(started.rows())
                        .withSpills(started.openSpills(forwards.need().spills()));
        Forward forward =
                owned.own(
                        forwards.start(
                                tiers.origin().beside().map(place::withBeside).orElse(place)));
        return new RunningModel(started, feed, forward, owned);
    }

    /** Gives up the weights and all memory that forwards took; a second call does nothing. */
    @Override
    public void close() {
        owned.close();
    }
}
