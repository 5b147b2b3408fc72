package io.millrace.executor.step;

import io.millrace.model.ModelLayout;
import io.millrace.prefetch.BlockFeed;
import io.millrace.prefetch.BlockLease;
import io.millrace.prefetch.VisitPlan;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The order in which blocks pass, whatever computes: each is taken from the feed, brought up to
 * date where it lags behind, computed on, folded if that is due, and given back.
 */
public final class VisitLoop<V extends BlockVisit> {
    /** Of what has no experts; not to be changed. */
    public static final BitSet NO_EXPERTS = new BitSet();

    private final VisitPlan passing; // of which some experts are left out
    private final VisitPlan whole;
    private final SeldomVisits turns;
    private final boolean later; // whether steps do not visit a table that they look up
    private final BlockFeed feed;
    private final int foldEvery;
    private final Visits<V> visits;
    private VisitPlan plan; // of the pass under way; the usual one where another loop lends blocks
    private int place; // of the visit that is computed

    /** What a device does with a visit. */
    public interface Visits<V extends BlockVisit> {
        /** The visit of a block that has just come. */
        V open(BlockLease lease, int block, ForwardRequest request, boolean lastOfStep);

        /** What knows which steps a block's trained tensors hold. */
        default BlockLease holding(BlockLease lease, int block) {
            return lease;
        }

        /** Folds what no operator formed, and says so to the lease. */
        void finish(V visit);

        /** Lets a block go; nothing where computing is over when a call returns. */
        default void release(BlockLease lease) {}

        /** Hears that a visit begins, the bringing up to date included. */
        default void began(int place, int block, long step) {}

        /** Hears that it is computed. */
        default void ended(int place) {}

        /** Copies the hidden states of the first scale to all others of a request. */
        void spread(ForwardRequest request);
    }

    /** Computes on a block. */
    @FunctionalInterface
    public interface Computation<V extends BlockVisit> {
        /**
         * Every query and every micro-batch of what is asked.
         *
         * @param entry what of the model it is
         * @param asked the request, or its first scale alone where all others see the same
         * @return the experts that are needed next, of a layer that has some
         */
        BitSet compute(V visit, VisitPlan.Entry entry, ForwardRequest asked);
    }

    /** Takes a block once it is folded. */
    @FunctionalInterface
    public interface FoldedBlock {
        /** The lease is open during the call. */
        void accept(int block, BlockLease lease);
    }

    /**
     * A loop over a model's visits.
     *
     * @param layout the blocks and their order
     * @param feed brings them
     * @param foldEvery steps from one rounding into the stored weights to the next
     * @param visits what the device does
     */
    public VisitLoop(ModelLayout layout, BlockFeed feed, int foldEvery, Visits<V> visits) {
        passing = plan(layout, layout.panels().lookedUp(), true);
        whole = plan(layout, layout.panels().embedding(), false);
        later = layout.panels().later();
        turns = new SeldomVisits(passing, later ? layout.panels().embedding() : List.of());
        plan = passing;
        this.feed = feed;
        this.foldEvery = foldEvery;
        this.visits = visits;
    }

    private static VisitPlan plan(ModelLayout layout, List<Integer> panels, boolean optional) {
        List<VisitPlan.Entry> entries = new ArrayList<>();
        panels.forEach(block -> entries.add(panel(block, VisitPlan.Part.LOOKUP)));
        VisitPlan ends = VisitPlan.whole(layout.visits());
        for (int place = 0; place < ends.size(); place++) {
            VisitPlan.Entry entry = ends.entry(place);
            entries.add(entry);
            if (entry.part() == VisitPlan.Part.LAYER) {
                List<Integer> experts = layout.experts().get(entry.layer());
                for (int expert = 0; expert < experts.size(); expert++) {
                    entries.add(
                            new VisitPlan.Entry(
                                    experts.get(expert),
                                    VisitPlan.Part.EXPERT,
                                    entry.layer(),
                                    expert,
                                    optional));
                }
            }
        }
        layout.panels().head().forEach(block -> entries.add(panel(block, VisitPlan.Part.SCORE)));
        return new VisitPlan(entries);
    }

    private static VisitPlan.Entry panel(int block, VisitPlan.Part part) {
        return new VisitPlan.Entry(block, part, 0);
    }

    /**
     * One pass that computes. What comes before the first block with a part in it is the same for
     * every scale of every query, and is computed once.
     */
    public void run(ForwardRequest request, Computation<V> computation) {
        run(List.of(begin(request, computation)));
    }

    /** A request of this loop's model, to go through a pass beside others. */
    public Course begin(ForwardRequest request, Computation<V> computation) {
        Shared shared = new Shared(request);
        return new Course(
                request.step(),
                request.folding() == ForwardRequest.Folding.SCHEDULED,
                (place, entry, lastOfStep, lease) -> {
                    foldOverdue(lease, entry.block(), request);
                    V visit = visits.open(lease, entry.block(), request, lastOfStep);
                    if (entry.part() == VisitPlan.Part.FOLD) {
                        return new Visited(NO_EXPERTS, () -> visits.finish(visit));
                    }
                    ForwardRequest asked = shared.asked(visit, entry, place);
                    BitSet chosen = computation.compute(visit, entry, asked);
                    return new Visited(chosen, () -> visits.finish(visit));
                });
    }

    /**
     * One pass in which each block is lent once and shown to all, in order. An expert that none of
     * them chose is left out.
     */
    public void run(List<Course> courses) {
        pass(
                plan(courses),
                (place, entry, lastOfStep, lease) -> {
                    BitSet chosen = new BitSet();
                    for (Course course : courses) {
                        visits.began(place, entry.block(), course.step);
                        Visited visited = course.visiting.visit(place, entry, lastOfStep, lease);
                        visited.finish.run();
                        visits.ended(place);
                        chosen.or(visited.chosen);
                    }
                    return chosen;
                });
    }

    /**
     * One pass in which each block is lent once and shown to all, whose computations only say what
     * there is to compute, of a model without experts.
     *
     * @param together computes it for all of them, before any of them finishes with the block
     */
    public void run(List<Course> courses, Runnable together) {
        pass(
                plan(courses),
                (place, entry, lastOfStep, lease) -> {
                    visits.began(place, entry.block(), courses.getFirst().step);
                    List<Runnable> finishing = new ArrayList<>();
                    for (Course course : courses) {
                        finishing.add(
                                course.visiting.visit(place, entry, lastOfStep, lease).finish);
                    }
                    together.run();
                    finishing.forEach(Runnable::run);
                    visits.ended(place);
                    return NO_EXPERTS;
                });
    }

    private VisitPlan plan(List<Course> courses) {
        Course first = courses.getFirst();
        return first.folds ? turns.take(first.step) : passing;
    }

    /** How far a pass has come with one scale for all. */
    private final class Shared {
        private final ForwardRequest request;
        private boolean once;

        Shared(ForwardRequest request) {
            this.request = request;
            // Queries that see sequences of their own have nothing in common.
            once = request.scales() > 1 && request.batches().size() == 1;
        }

        /** What a visit computes; the head answers for every scale. */
        ForwardRequest asked(V visit, VisitPlan.Entry entry, int place) {
            if (!once) {
                return request;
            }
            VisitPlan.Part part = entry.part();
            // Rows of a table that the block does not have are trained all the same.
            boolean looksUp = later && part == VisitPlan.Part.EMBEDDING;
            if (!part.answers() && !looksUp && visit.isStill()) {
                return request.atTheta();
            }
            once = false;
            if (place > 0) {
                visits.spread(request);
            }
            return request;
        }
    }

    /** One pass that only folds. */
    public void fold(ForwardRequest request, FoldedBlock then) {
        pass(
                whole,
                (place, entry, lastOfStep, lease) -> {
                    visits.finish(visits.open(lease, entry.block(), request, lastOfStep));
                    if (lastOfStep) {
                        then.accept(entry.block(), lease);
                    }
                    return NO_EXPERTS;
                });
    }

    /** A request on its way through a pass. */
    public static final class Course {
        private final long step;
        private final boolean folds; // as the run's schedule says
        private final Visiting visiting;

        private Course(long step, boolean folds, Visiting visiting) {
            this.step = step;
            this.folds = folds;
            this.visiting = visiting;
        }
    }

    /** What a request does with a block that was lent to it. */
    @FunctionalInterface
    private interface Visiting {
        /** Computes, or says what there is to compute. */
        Visited visit(int place, VisitPlan.Entry entry, boolean lastOfStep, BlockLease lease);
    }

    /**
     * How far a request has come with a block.
     *
     * @param chosen the experts that are needed next, of a layer that has some
     * @param finish what is left to do once all is computed
     */
    private record Visited(BitSet chosen, Runnable finish) {}

    /** What a pass does with a block; the lease is open during the call. */
    @FunctionalInterface
    private interface EachBlock {
        /** Returns the experts that are needed next, of a layer that has some. */
        BitSet visit(int place, VisitPlan.Entry entry, boolean lastOfStep, BlockLease lease);
    }

    private void pass(VisitPlan plan, EachBlock each) {
        feed.begin(plan, turns.behind(plan));
        this.plan = plan;
        BitSet chosen = NO_EXPERTS;
        for (int place = 0; place < plan.size(); place++) {
            VisitPlan.Entry entry = plan.entry(place);
            if (entry.optional() && !chosen.get(entry.expert())) {
                continue;
            }
            this.place = place;
            BitSet next = visit(plan, place, each);
            if (plan.forks(place)) {
                chosen = next;
                decide(plan, place + 1, next);
            }
        }
    }

    private BitSet visit(VisitPlan plan, int place, EachBlock each) {
        VisitPlan.Entry entry = plan.entry(place);
        try (BlockLease lease = feed.acquire(entry.block())) {
            try {
                return each.visit(place, entry, plan.isLast(place), lease);
            } finally {
                visits.release(lease);
            }
        }
    }

    /**
     * Hears while a layer is computed which of its experts are sure to be needed next: these may be
     * on their way before all tokens are routed.
     *
     * @param chosen by what was routed so far
     */
    public void foresee(BitSet chosen) {
        if (plan.forks(place)) {
            feed.foresee(blocks(plan, place + 1, chosen)::get);
        }
    }

    private void decide(VisitPlan plan, int first, BitSet chosen) {
        feed.decide(blocks(plan, first, chosen)::get);
    }

    /** The blocks of a layer's experts that were chosen. */
    private static BitSet blocks(VisitPlan plan, int first, BitSet chosen) {
        BitSet blocks = new BitSet();
        for (int at = first; at < plan.size() && plan.entry(at).optional(); at++) {
            blocks.set(plan.block(at), chosen.get(plan.entry(at).expert()));
        }
        return blocks;
    }

    /**
     * Folds what a block lags behind after a stop, or after its newest bytes turned out damaged:
     * operators then find it as they do in any step.
     */
    private void foldOverdue(BlockLease lease, int block, ForwardRequest request) {
        if (BlockVisit.isOverdue(visits.holding(lease, block), request, foldEvery)) {
            visits.finish(visits.open(lease, block, request.foldingOverdue(), true));
        }
    }

    /**
     * Passes of which some have a visit more, in which updates come into a block that no step
     * computes with: each such block has one behind a pass of one step in {@link #EVERY}, in turn,
     * so that neither a save nor a step has all of them to bring up to date.
     */
    private static final class SeldomVisits {
        /** Steps from one visit of a block to the next: what it moves is divided by that. */
        private static final int EVERY = 32;

        private final VisitPlan usual;
        private final List<Integer> blocks;
        private final Map<Long, VisitPlan> plans =
                new HashMap<>(); // by the step's place in a round
        private long taken; // the last step that had its turn

        /**
         * Turns of some blocks.
         *
         * @param usual what every pass of a step visits
         * @param blocks what is visited seldom; none where all is in every pass
         */
        SeldomVisits(VisitPlan usual, List<Integer> blocks) {
            this.usual = usual;
            this.blocks = List.copyOf(blocks);
        }

        /** What a pass of a step visits, the first of them with the blocks whose turn it is. */
        VisitPlan take(long step) {
            if (blocks.isEmpty() || step == taken) {
                return usual;
            }
            taken = step;
            return plans.computeIfAbsent(step % EVERY, this::plan);
        }

        /** What is expected behind a pass. */
        VisitPlan behind(VisitPlan plan) {
            return plans.containsValue(plan) ? usual : plan;
        }

        private VisitPlan plan(long at) {
            List<VisitPlan.Entry> entries = new ArrayList<>();
            for (int place = 0; place < usual.size(); place++) {
                entries.add(usual.entry(place));
            }
            for (int index = 0; index < blocks.size(); index++) {
                if ((long) index * EVERY / blocks.size() == at) {
                    entries.add(new VisitPlan.Entry(blocks.get(index), VisitPlan.Part.FOLD, 0));
                }
            }
            return entries.size() == usual.size() ? usual : new VisitPlan(entries);
        }
    }
}
