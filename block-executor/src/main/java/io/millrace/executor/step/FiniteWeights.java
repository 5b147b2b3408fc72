package io.millrace.executor.step;

import io.millrace.model.ModelLayout;
import io.millrace.model.NonFinite;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** What a model folder may not hold when it is read, it may not hold when it is written. */
public final class FiniteWeights {
    private FiniteWeights() {}

    /**
     * Checks a block that is about to be written.
     *
     * @param layout of the weights
     * @param block the block's index
     * @param bytes the block as the layout lays it out, its states included
     * @param step whose update they hold last
     * @throws DivergedException where a weight or a state is infinite or not a number
     */
    public static void require(ModelLayout layout, int block, MemorySegment bytes, long step) {
        Optional<String> found = NonFinite.first(layout.block(block), bytes);
        if (found.isPresent()) {
            boolean state = layout.find(found.get()).isEmpty();
            throw new DivergedException(
                    "by step "
                            + step
                            + (state ? " state '" : " tensor '")
                            + found.get()
                            + (state ? "' has numbers" : "' has weights")
                            + " that are not finite, and is not saved; lower --lr or"
                            + " --eps and start again");
        }
    }
}
