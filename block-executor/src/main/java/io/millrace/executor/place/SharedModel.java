package io.millrace.executor.place;

import io.millrace.executor.config.MemoryConfig;
import io.millrace.executor.step.Engine;
import io.millrace.executor.step.Forward;
import io.millrace.memory.OwnedResources;
import io.millrace.memory.Tier;
import io.millrace.telemetry.SpanRecorder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One base that several runs read and none changes: its blocks lie where the budgets of the first
 * let them, once for all, and what each run trains lies beside them.
 */
public final class SharedModel implements AutoCloseable {
    private final PlannedTiers tiers;
    private final Forward.Joint.Plan forwards;
    private final List<BlockOrigin> origins;
    private final SpanRecorder spans = new SpanRecorder();
    private final OwnedResources owned = new OwnedResources();
    private BlockTiers started;
    private Forward.Joint joint;
    private WatchedFeed feed;

    private SharedModel(
            ModelSession first,
            List<Engine.Plan> plans,
            List<BlockOrigin> origins,
            long spareBytes,
            PrefetchChooser forecast) {
        this.origins = List.copyOf(origins);
        Tier computesIn = first.memory().device().kind().unifiedMemory() ? Tier.HOST : Tier.DEVICE;
        forwards = first.engine().together(plans, first.ledger().budget(computesIn));
        Engine.Need need =
                new Engine.Need(
                        forwards.need().deviceBytes(), forwards.need().hostBytes() + spareBytes);
        MemoryConfig memory =
                first.memory()
                        .withPrefetch(
                                forecast.prefetch(
                                        PlannedTiers.needs(
                                                first.memory(), origins.getFirst(), need, false, 0),
                                        PlannedTiers.budgets(first.ledger())));
        tiers =
                owned.own(
                        PlannedTiers.plan(
                                memory,
                                first.ledger(),
                                origins.getFirst(),
                                spans,
                                need,
                                false,
                                Optional.empty()));
    }

    /**
     * Decides where everything lies; nothing is allocated yet.
     *
     * @param first the session whose budgets count, of the same base as all others; outlives this
     * @param plans of the runs' forwards
     * @param origins where the blocks come from, and what each run has beside them
     * @param spareBytes host memory to leave free beside it
     * @param forecast chooses what was left open
     * @throws io.millrace.memory.BadInputException when a budget is too small
     */
    public static SharedModel plan(
            ModelSession first,
            List<Engine.Plan> plans,
            List<BlockOrigin> origins,
            long spareBytes,
            PrefetchChooser forecast) {
        return new SharedModel(first, plans, origins, spareBytes, forecast);
    }

    /** Where the blocks are to be. */
    public PlannedTiers tiers() {
        return tiers;
    }

    /** What moved and what computed in its passes, for whoever passes it on. */
    public SpanRecorder spans() {
        return spans;
    }

    /**
     * Takes the memory that was planned, and loads weights.
     *
     * @param firstStep the step that spans are counted from
     */
    public Forward.Joint start(long firstStep) {
        started = owned.own(new BlockTiers(tiers, Optional.empty(), firstStep));
        feed = new WatchedFeed(started.feed());
        List<Engine.Place> places = new ArrayList<>();
        for (BlockOrigin origin : origins) {
            places.add(
                    new Engine.Place(
                                    started.device(),
                                    started.scratchMemory(),
                                    started.hostMemory(),
                                    feed,
                                    spans)
                            .withRows(started.rows())
                            .withBeside(origin.beside().orElseThrow()));
        }
        joint = owned.own(forwards.start(places));
        return joint;
    }

    /**
     * The model as one run has it, once started.
     *
     * @param forward passes over it that the run asks for
     * @param hearsVisits whether who watches the run is told of blocks that are lent
     */
    public RunningModel of(Forward forward, boolean hearsVisits) {
        return new RunningModel(
                started,
                hearsVisits ? feed : new WatchedFeed(started.feed()),
                forward,
                new OwnedResources());
    }

    @Override
    public void close() {
        owned.close();
    }
}
