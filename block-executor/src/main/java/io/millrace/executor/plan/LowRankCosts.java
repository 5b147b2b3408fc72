package io.millrace.executor.plan;

import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.weight.WeightPanels;
import io.millrace.executor.step.LowRankSize;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.model.spec.LinearSpec;
import io.millrace.optim.direction.LowRankDirection;
import io.millrace.prefetch.plan.Operation;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Of low-rank directions: a matrix is read as it is stored, thin products are made beside it, and
 * what updates have gathered is folded in when its time comes. Other tensors are formed as with
 * dense directions, from sums that are kept.
 */
final class LowRankCosts implements WeightCosts {
    private final StepCosts.Shape shape;
    private final LowRankDirection direction;
    private final StepParts.Part part;
    private final boolean folds;
    private final List<Operation> operations;
    private final Set<String> formed = new HashSet<>();
    private int scales;

    LowRankCosts(
            StepCosts.Shape shape,
            LowRankDirection direction,
            StepParts.Part part,
            boolean folds,
            List<Operation> operations) {
        this.shape = shape;
        this.direction = direction;
        this.part = part;
        this.folds = folds;
        this.operations = operations;
    }

    @Override
    public void asking(int count) {
        scales = count;
    }

    @Override
    public void update(BlockLayout block) {
        for (TensorSlot slot :
                part.pending() > 0 ? LowRankSize.trained(block) : List.<TensorSlot>of()) {
            double elements = slot.elementCount();
            if (LowRankSize.isMatrix(slot)) {
                elements = left(slot);
                // V lasts for a window; its steps share it.
                double right = (double) LowRankSize.columnsOf(slot) * direction.rank();
                operations.add(new Operation.Factor(right / direction.window()));
            }
            double terms = part.pending() * shape.questions().directions();
            operations.add(new Operation.Factor(elements * terms));
            operations.add(new Operation.Dispatch(1));
        }
    }

    private double left(TensorSlot slot) {
        return (double) LowRankSize.rowsOf(slot) * direction.rank();
    }

    @Override
    public void vector(TensorSlot slot) {
        boolean stores = stores(slot) && formed.add(slot.name());
        int terms = isStill(slot) ? 0 : 1;
        operations.add(
                new Operation.Form(
                        slot.elementCount(), WeightCosts.measured(slot), terms, true, stores));
    }

    private boolean stores(TensorSlot slot) {
        return folds && slot.isTrained() && part.pending() > 0;
    }

    private boolean isStill(TensorSlot slot) {
        return !part.active() || !slot.isTrained();
    }

    @Override
    public void lookUp(TensorSlot table, long rows, long width) {
        long elements = rows * width;
        operations.add(new Operation.Stored(elements, WeightCosts.measured(table), false));
        if (!isStill(table)) {
            operations.add(new Operation.Factor((double) rows * direction.rank()));
            operations.add(new Operation.Terms(elements, (long) scales * direction.rank()));
        }
        operations.add(new Operation.Dispatch(1));
    }

    @Override
    public void multiply(TensorSlot matrix, LinearSpec linear, int paddedRows) {
        boolean still = isStill(matrix);
        if (!still) {
            operations.add(new Operation.Factor(left(matrix)));
            operations.add(
                    new Operation.Side(
                            paddedRows,
                            linear.inputs(),
                            linear.outputs(),
                            direction.rank(),
                            scales));
        }
        boolean stores = stores(matrix) && formed.add(matrix.name());
        boolean direct = !stores && shape.reads(WeightCosts.measured(matrix));
        operations.add(
                new Operation.Stored(matrix.elementCount(), WeightCosts.measured(matrix), direct));
        if (stores) {
            fold(matrix);
        }
        // The rows of all scales lie in one product, where there is one beside it.
        int rows = still ? paddedRows : scales * paddedRows;
        int times = still ? scales : 1;
        operations.add(new Operation.Matmul(rows, linear.inputs(), linear.outputs(), times));
        GemmTiles tiles = GemmTiles.of(paddedRows, linear.outputs());
        boolean whole = !direct && WeightPanels.formsWhole(linear, tiles, shape.workers());
        int beside = still ? 0 : 2; // of factors, and of the product with one
        operations.add(new Operation.Dispatch(beside + (whole ? 2 : 1)));
    }

    private void fold(TensorSlot matrix) {
        operations.add(new Operation.Terms(matrix.elementCount(), direction.rank()));
        operations.add(
                new Operation.Form(
                        matrix.elementCount(), WeightCosts.measured(matrix), 0, false, true));
    }

    @Override
    public void foldTheRest(BlockLayout block) {
        for (TensorSlot slot : block.tensors()) {
            if (!stores(slot) || formed.contains(slot.name())) {
                continue;
            }
            if (LowRankSize.isMatrix(slot)) {
                operations.add(
                        new Operation.Stored(
                                slot.elementCount(), WeightCosts.measured(slot), false));
                fold(slot);
            } else {
                operations.add(
                        new Operation.Form(
                                slot.elementCount(), WeightCosts.measured(slot), 0, true, true));
            }
            operations.add(new Operation.Dispatch(1));
        }
    }
}
