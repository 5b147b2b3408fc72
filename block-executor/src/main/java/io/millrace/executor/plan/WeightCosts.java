package io.millrace.executor.plan;

import io.millrace.executor.cpu.weight.WeightPasses;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.TensorSlot;
import io.millrace.model.spec.LinearSpec;
import io.millrace.optim.direction.DenseDirection;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.MaskedDirection;
import io.millrace.prefetch.plan.FormRates;
import io.millrace.prefetch.plan.Operation;
import java.util.List;

/** Counts what becomes of a visit's weights, as the {@link WeightPasses} of a direction do it. */
interface WeightCosts {
    /**
     * Says what the passes through a block ask for that are counted from now on.
     *
     * @param queries that go through it together
     * @param scales of all of them
     */
    void asking(int queries, int scales);

    /** What a block's first visit of a step does for its updates, before all others. */
    void update(BlockLayout block);

    /** A tensor that is formed whole, such as a bias. */
    void vector(TensorSlot slot);

    /** Rows of a table that are formed where they are used. */
    void lookUp(TensorSlot table, long rows, long width);

    /** A product with a matrix, once for each scale. */
    void multiply(TensorSlot matrix, LinearSpec linear, int paddedRows);

    /** What a visit that folds has not folded in passing. */
    void foldTheRest(BlockLayout block);

    /** As what elements are reckoned: those of a format that is no plain array as codes. */
    static DType measured(TensorSlot slot) {
        return slot.isPlain() ? slot.dtype() : FormRates.CODES;
    }

    /**
     * The way of a direction.
     *
     * @param shape of the step
     * @param part which the block has in it
     * @param shared whether all scales see all matrices as they are stored
     * @param folds whether the visit rounds updates into the stored weights
     * @param foldingStep whether it is of a step that does
     * @param operations where they go
     */
    static WeightCosts of(
            StepCosts.Shape shape,
            StepParts.Part part,
            boolean shared,
            boolean folds,
            boolean foldingStep,
            List<Operation> operations) {
        return switch (shape.arithmetic().direction()) {
            case DenseDirection _, MaskedDirection _ ->
                    new DenseCosts(shape, part, shared, folds, foldingStep, operations);
            case FactoredDirection factored ->
                    new LowRankCosts(shape, factored, part, folds, foldingStep, operations);
        };
    }
}
