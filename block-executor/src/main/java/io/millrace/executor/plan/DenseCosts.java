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
    private final StepParts.Part part;
    private final boolean shared;
    private final boolean folds;
    private final double pendingTerms; // generations of z that stored bytes have not seen
    private final List<Operation> operations;
    private final Set<String> formed = new HashSet<>();
    private int queries;
    private int scales;

    DenseCosts(
            StepCosts.Shape shape,
            StepParts.Part part,
            boolean shared,
            boolean folds,
            boolean foldingStep,
            List<Operation> operations) {
        this.shape = shape;
        this.part = part;
        this.shared = shared;
        this.folds = folds;
        this.operations = operations;
        // A folding step finds every update since the last one, a reading step half of them.
        double pending =
                part.pending() * shape.questions().directions() * shape.arithmetic().foldEvery();
        pendingTerms = shape.rule().drawn() * (foldingStep ? pending : pending / 2);
    }

    @Override
    public void asking(int together, int count) {
        queries = together;
        scales = count;
    }

    @Override
    public void update(BlockLayout block) {
        // Updates are applied wherever a tensor is formed.
    }

    @Override
    public void vector(TensorSlot slot) {
        boolean stores = stores(slot) && formed.add(slot.name());
        double pending = formed.contains(slot.name()) && !stores ? 0 : pending(slot);
        operations.add(
                new Operation.Form(
                        slot.elementCount(),
                        WeightCosts.measured(slot),
                        own(slot) + pending,
                        true,
                        stores));
    }

    private boolean stores(TensorSlot slot) {
        return folds && slot.isTrained() && part.pending() > 0;
    }

    private double pending(TensorSlot slot) {
        return slot.isTrained() ? pendingTerms : 0;
    }

    /** Generations of z for the step's own queries that go through the block together. */
    private double own(TensorSlot slot) {
        return part.active() && slot.isTrained() ? shape.rule().drawn() * queries : 0;
    }

    @Override
    public void lookUp(TensorSlot table, long rows, long width) {
        operations.add(
                new Operation.Form(
                        rows * width,
                        WeightCosts.measured(table),
                        own(table) + pending(table),
                        true,
                        false));
        operations.add(new Operation.Dispatch(1));
    }

    @Override
    public void multiply(TensorSlot matrix, LinearSpec linear, int paddedRows) {
        boolean asStored =
                own(matrix) == 0
                        && pending(matrix) == 0
                        && matrix.isPlain()
                        && shape.reads(matrix.dtype());
        if (!asStored) {
            vector(matrix);
        }
        // The rows of all scales lie in one product where all see the same.
        long rows = shared ? (long) scales * paddedRows : paddedRows;
        long times = shared ? 1 : scales;
        operations.add(new Operation.Matmul(rows, linear.inputs(), linear.outputs(), times));
        GemmTiles tiles = GemmTiles.of(paddedRows, linear.outputs());
        boolean whole = WeightPanels.formsWhole(linear, tiles, shape.workers());
        operations.add(new Operation.Dispatch(whole && !asStored ? 2 : 1));
    }

    @Override
    public void foldTheRest(BlockLayout block) {
        for (TensorSlot slot : block.tensors()) {
            if (stores(slot) && !formed.contains(slot.name())) {
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
