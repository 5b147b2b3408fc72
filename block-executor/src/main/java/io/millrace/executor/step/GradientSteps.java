package io.millrace.executor.step;

import io.millrace.executor.batch.MicroBatch;
import io.millrace.optim.Rounding;
import io.millrace.optim.gradient.GradientRule;
import java.util.List;

/**
 * Steps along the gradient over a model that lies on a device; called from one thread. A step goes
 * forward through the model, and back from the loss to the lowest block that has a part in it; each
 * block is changed while it is there, and its gradient is gone when the next comes.
 */
public interface GradientSteps {
    /**
     * What a step asks.
     *
     * @param step from 1
     * @param seed the step's
     * @param batches its sequences in micro-batches
     * @param updates of the steps before, which change nothing any more
     * @param parts the blocks that have a part in it
     * @param lr learning rate
     * @param weightDecay decay of matrices
     * @param turns how often a block has had a part since its states began, this step included
     */
    record Asked(
            long step,
            long seed,
            List<MicroBatch> batches,
            UpdateLog updates,
            BlockSet parts,
            double lr,
            double weightDecay,
            Turns turns) {
        /** Freezes the batches. */
        public Asked {
            batches = List.copyOf(batches);
        }
    }

    /** The parts that blocks have had in steps. */
    interface Turns {
        /** How many since their states began: from 1 of a block that has one in this step. */
        long of(int block);

        /** The last step before this one in which a block had a part; 0 for none. */
        long lastBefore(int block);
    }

    /**
     * What a step found.
     *
     * @param loss mean over the scored rows, before the step
     * @param norm of the gradient of all that has a part in the step, in the Euclidean sense; in
     *     double
     */
    record Found(double loss, double norm) {}

    /** Takes a step: the blocks that have a part in it hold it when this returns. */
    Found run(Asked asked);

    /**
     * The gradient alone: no block changes.
     *
     * @param then gets each tensor's, float32 in the shape that it is stored in; valid during the
     *     call
     */
    Found gradients(Asked asked, EachGradient then);

    /** Takes gradients. */
    @FunctionalInterface
    interface EachGradient {
        /** The gradient of a tensor by its name in the checkpoint, or beside it. */
        void accept(String tensor, Floats gradient, long elements);
    }

    /**
     * What a run does to blocks whose gradient is known.
     *
     * @param rule of the run
     * @param rounding how weights without masters are rounded
     * @param norm what the whole gradient is scaled down to where its norm is larger; infinity for
     *     none
     * @param blockNorm what the gradient of a block is scaled down to where its norm is larger;
     *     infinity for none
     */
    record Rule(GradientRule rule, Rounding rounding, double norm, double blockNorm) {}
}
