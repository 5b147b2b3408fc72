package io.millrace.executor;

import io.millrace.executor.cpu.WorkerPool;
import io.millrace.memory.BadInputException;
import io.millrace.memory.host.HostMemory;
import io.millrace.model.ModelLayout;
import io.millrace.optim.DenseDirection;
import io.millrace.optim.Direction;
import io.millrace.optim.LowRankDirection;
import io.millrace.optim.Rounding;
import java.util.Optional;

/**
 * Which way a direction is run, before memory is taken for it.
 *
 * @param direction the direction
 * @param momentum whether the update rule has momentum
 * @param rounding how folded weights are rounded
 * @param foldEvery steps from one rounding into the stored weights to the next
 * @param scales the most scales that a probe has
 * @param rows rows of the largest micro-batch
 */
record PassesPlan(
        Direction direction,
        boolean momentum,
        Rounding rounding,
        int foldEvery,
        int scales,
        int rows) {

    /** Of a run's arithmetic. */
    static PassesPlan of(Arithmetic arithmetic, ScratchSize size) {
        return new PassesPlan(
                arithmetic.direction(),
                arithmetic.momentum(),
                arithmetic.rounding(),
                arithmetic.foldEvery(),
                size.scalesPerProbe(),
                size.microBatchRows());
    }

    /**
     * Checks that a model's tensors can take the direction.
     *
     * @throws BadInputException when one cannot
     */
    void check(ModelLayout layout) {
        lowRankSize(layout).ifPresent(LowRankMemory.Size::check);
    }

    /** What low-rank directions ask for; nothing with dense ones. */
    Optional<LowRankMemory.Size> lowRankSize(ModelLayout layout) {
        return switch (direction) {
            case DenseDirection _ -> Optional.empty();
            case LowRankDirection lowRank -> Optional.of(size(layout, lowRank));
        };
    }

    /** Bytes that the passes will take beside the scratch memory. */
    long bytes(ModelLayout layout) {
        return lowRankSize(layout).map(LowRankMemory.Size::bytes).orElse(0L);
    }

    /** The passes, with their memory. */
    WeightPasses open(WorkerPool pool, ModelLayout layout, HostMemory memory) {
        return switch (direction) {
            case DenseDirection dense ->
                    new DenseWeightPasses(pool, dense, rounding, foldEvery, scales);
            case LowRankDirection lowRank ->
                    new LowRankWeightPasses(
                            pool,
                            lowRank,
                            rounding,
                            foldEvery,
                            scales,
                            new LowRankMemory(memory, size(layout, lowRank), foldEvery));
        };
    }

    private LowRankMemory.Size size(ModelLayout layout, LowRankDirection lowRank) {
        return new LowRankMemory.Size(layout, lowRank, momentum, scales, rows);
    }
}
