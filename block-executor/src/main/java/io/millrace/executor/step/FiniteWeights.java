package io.millrace.executor.step;

import io.millrace.model.ModelLayout;
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
     * @param weights the block as the layout lays it out
     * @param step whose update the weights hold last
     * @throws DivergedException where one is infinite or not a number
     */
    public static void require(ModelLayout layout, int block, MemorySegment weights, long step) {
        Optional<String> tensor = layout.firstNonFinite(block, weights);
        if (tensor.isPresent()) {
            throw new DivergedException(
                    "by step "
                            + step
                            + " tensor '"
                            + tensor.get()
                            + "' has weights that are not finite, and is not saved; lower --lr or"
                            + " --eps and start again");
        }
    }
}
