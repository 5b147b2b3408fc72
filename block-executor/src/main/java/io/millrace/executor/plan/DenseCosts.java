package io.millrace.executor.plan;

import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.weight.WeightPanels;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.model.spec.LinearSpec;
import io.millrace.prefetch.plan.Operation;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Of dense directions: every element is widened, updated and perturbed for each product. */
final class DenseCosts implements WeightCosts {
    private final StepCosts.Shape shape;
    private final boolean folds;
    private final double pendingTerms; // generations of z that stored bytes have not seen
    private final List<Operation> operations;
    private final Set<String> formed = new HashSet<>();
    private int scales;

    DenseCosts(
            StepCosts.Shape shape, boolean folds, boolean foldingStep, List<Operation> operations) {
        this.shape = shape;
        this.folds = folds;
        this.operations = operations;
        // A folding step finds every update since the last one, a reading step half of them.
        double pending = (double) shape.questions().directions() * shape.arithmetic().foldEvery();
        pendingTerms = foldingStep ? pending : pending / 2;
    }

    @Override
    public void asking(int queries, int count) {
        scales = count;
    }

    @Override
    public void update(BlockLayout block) {
        // Updates are applied wherever a tensor is formed.
    }

    @Override
    public void vector(TensorSlot slot) {
        boolean stores = folds && formed.add(slot.name());
        double pending = folds && !stores ? 0 : pendingTerms;
        operations.add(
                new Operation.Form(
                        slot.elementCount(),
                        WeightCosts.measured(slot),
                        1 + pending,
                        true,
                        stores));
    }

    @Override
    public void lookUp(TensorSlot table, long rows, long width) {
        operations.add(
                new Operation.Form(
                        rows * width, WeightCosts.measured(table), 1 + pendingTerms, true, false));
        operations.add(new Operation.Dispatch(1));
    }

    @Override
    public void multiply(TensorSlot matrix, LinearSpec linear, int paddedRows) {
        vector(matrix);
        operations.add(new Operation.Matmul(paddedRows, linear.inputs(), linear.outputs(), scales));
        GemmTiles tiles = GemmTiles.of(paddedRows, linear.outputs());
        boolean whole = WeightPanels.formsWhole(linear, tiles, shape.workers());
        operations.add(new Operation.Dispatch(whole ? 2 : 1));
    }

    @Override
    public void foldTheRest(BlockLayout block) {
        for (TensorSlot slot : folds ? block.tensors() : List.<TensorSlot>of()) {
            if (!formed.contains(slot.name())) {
                operations.add(
                        new Operation.Form(
                                slot.elementCount(),
                                WeightCosts.measured(slot),
                                pendingTerms,
                                false,
                                true));
                operations.add(new Operation.Dispatch(1));
            }
        }
    }
}
