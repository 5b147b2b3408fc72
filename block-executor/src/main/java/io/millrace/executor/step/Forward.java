package io.millrace.executor.step;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;

/** Forward passes over a model that lies on a device; called from one thread. */
public interface Forward extends AutoCloseable {
    /**
     * Asks every query for its losses or logits; they are with the sink when this returns.
     *
     * @param request what to ask, and how pending updates are seen
     * @param sink where the answers go
     */
    void run(ForwardRequest request, HeadSink sink);

    /**
     * Rounds pending updates into the stored weights without a forward, and shows each block.
     *
     * @param updates the run's updates
     * @param folding {@code ALL} of them, or those that are due by the run's schedule
     * @param then gets every block once it is folded
     */
    void fold(UpdateLog updates, ForwardRequest.Folding folding, BlockConsumer then);

    /**
     * Steps along the gradient, in the memory that was planned for them.
     *
     * @throws IllegalStateException where no way back was planned
     */
    default GradientSteps gradients() {
        throw new IllegalStateException("no way back was planned");
    }

    /** What of a pass other workers may be asked without another bit of an answer. */
    default Grain grain() {
        return Grain.WHOLE;
    }

    /**
     * The same where products' shapes were tried and found not to decide: what a device and its
     * libraries are may make it finer. Takes seconds, between passes.
     */
    default Grain triedGrain() {
        return grain();
    }

    /**
     * Worker-seconds so far by the name of each operator; empty where no workers of a CPU compute.
     */
    default Map<String, Double> operatorSeconds() {
        return Map.of();
    }

    /** Waits for the device, and frees what forwards need beside the weights. */
    @Override
    void close();

    /**
     * What of a pass can be asked apart from the rest without another bit of an answer.
     * Micro-batches always can; queries whose rows go through one product cannot, since a product's
     * shape decides in which order it sums.
     *
     * @param scalesAtOnce scales of the queries that share products, as they are cut in order; 0
     *     where each query goes alone
     * @param scalesApart whether the scales of a query that goes alone have nothing in common
     */
    record Grain(int scalesAtOnce, boolean scalesApart) {
        /** Of what nothing is known: all queries belong together. */
        public static final Grain WHOLE = new Grain(Integer.MAX_VALUE, false);
    }

    /** Takes a block's bytes, valid during the call. */
    interface BlockConsumer {
        void accept(int block, MemorySegment weights);
    }

    /**
     * Forwards of several runs over the same blocks, which all of them only read: in one pass each
     * block comes once, and every run computes on it what it would compute alone. Called from one
     * thread.
     */
    interface Joint extends AutoCloseable {
        /**
         * What one run asks.
         *
         * @param run its place among the runs
         * @param request of the run
         * @param sink where the answers go
         */
        record Asked(int run, ForwardRequest request, HeadSink sink) {}

        /** Takes one pass; the answers are with the sinks when this returns. */
        void run(List<Asked> asked);

        /** The forwards themselves, each of which can also take a pass alone; closed with this. */
        List<Forward> each();

        /** Frees what forwards need beside the weights. */
        @Override
        void close();

        /** Such forwards that were planned: nothing of them is allocated. */
        interface Plan {
            /** What all of them need together. */
            Engine.Need need();

            /**
             * Takes the memory that was planned.
             *
             * @param places one for each run; they differ in what is beside the blocks alone
             */
            Joint start(List<Engine.Place> places);
        }
    }
}
