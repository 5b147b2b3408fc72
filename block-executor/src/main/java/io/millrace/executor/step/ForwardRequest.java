package io.millrace.executor.step;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.optim.estimate.Query;
import java.util.List;

/**
 * One pass over the model.
 *
 * @param step the step that asks, or the last one done when nothing is tuned
 * @param batches the batch in micro-batches: one that all queries see, or one for each query
 * @param queries the directions and scales whose losses are asked for
 * @param updates the run's updates
 * @param parts the blocks that the queries' directions have a part in; elsewhere they see θ
 * @param folding what becomes of updates that the stored weights do not hold yet
 * @param compared whether this is a share of a pass that asks for more than θ: a loss at θ then
 *     goes the way of those that it is compared with
 */
public record ForwardRequest(
        long step,
        List<List<MicroBatch>> batches,
        List<Query> queries,
        UpdateLog updates,
        BlockSet parts,
        Folding folding,
        boolean compared) {
    /** A pass of its own. */
    public ForwardRequest(
            long step,
            List<List<MicroBatch>> batches,
            List<Query> queries,
            UpdateLog updates,
            BlockSet parts,
            Folding folding) {
        this(step, batches, queries, updates, parts, folding, false);
    }

    /** The one query of a forward that tunes nothing: θ itself. */
    public static final List<Query> AT_THETA = List.of(Query.AT_THETA);

    /** What becomes of updates that the stored weights do not hold yet. */
    public enum Folding {
        /** Stored as the run's schedule says; later ones are added on the fly in float32. */
        SCHEDULED,
        /** Not stored; seen rounded to the storage dtype, as a save would write them. */
        READ_ONLY,
        /** All of them rounded and stored, as the end of a run asks. */
        ALL
    }

    /**
     * What one step's queries ask.
     *
     * @param seed the step's seed
     */
    public static ForwardRequest step(
            long step,
            long seed,
            List<List<MicroBatch>> batches,
            List<Query> queries,
            UpdateLog updates) {
        return new ForwardRequest(
                step, batches, queries, updates, updates.blocksOf(step, seed), Folding.SCHEDULED);
    }

    /** The model as it would be saved now. */
    public static ForwardRequest plain(List<MicroBatch> microBatches, UpdateLog updates) {
        return new ForwardRequest(
                updates.lastStep(),
                List.of(microBatches),
                AT_THETA,
                updates,
                BlockSet.ALL,
                Folding.READ_ONLY);
    }

    /**
     * The same with virtual tokens before every sequence.
     *
     * @param tokens how many; of none, this
     */
    public ForwardRequest withVirtual(int tokens) {
        if (tokens == 0) {
            return this;
        }
        List<List<MicroBatch>> wider =
                batches.stream()
                        .map(batch -> batch.stream().map(one -> one.withVirtual(tokens)).toList())
                        .toList();
        return new ForwardRequest(step, wider, queries, updates, parts, folding, compared);
    }

    /** No forward, only folding. */
    public static ForwardRequest fold(UpdateLog updates, Folding folding) {
        return new ForwardRequest(
                updates.lastStep(), List.of(List.of()), List.of(), updates, BlockSet.ALL, folding);
    }

    /** What brings a block that lags behind to where this request expects it. */
    public ForwardRequest foldingOverdue() {
        return fold(updates, Folding.SCHEDULED);
    }

    /** The same pass for θ itself and nothing else, where all queries see the same batch. */
    public ForwardRequest atTheta() {
        return new ForwardRequest(step, batches, AT_THETA, updates, parts, folding);
    }

    /** Whether all queries are asked at one place, so that what is still is the same for all. */
    boolean isAtOnePlace() {
        return queries.stream().map(Query::place).distinct().count() <= 1;
    }

    /**
     * Some of what is asked, for a worker that shares the pass with others.
     *
     * @param some of the micro-batches: one that all queries see, or one for each query
     * @param asked some of the queries, or some of their scales
     */
    public ForwardRequest share(List<List<MicroBatch>> some, List<Query> asked) {
        return new ForwardRequest(step, some, asked, updates, parts, folding, !isStill());
    }

    /** Whether nothing is asked for but θ itself. */
    public boolean isStill() {
        return !compared && queries.stream().allMatch(Query::isStill);
    }

    /** Scales of all queries. */
    public int scales() {
        return firstScale(queries.size());
    }

    /** What a query sees of things that there is one of for all, or one for each. */
    public static <T> T ofQuery(List<T> things, int query) {
        return things.get(things.size() == 1 ? 0 : query);
    }

    /** Scales of the queries before one. */
    public int firstScale(int query) {
        int scales = 0;
        for (int earlier = 0; earlier < query; earlier++) {
            scales += queries.get(earlier).scales().size();
        }
        return scales;
    }
}
