package io.millrace.executor.plan;

import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.weight.WeightPanels;
import io.millrace.executor.step.LowRankSize;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
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
    private final boolean folds;
    private final List<Operation> operations;
    private final Set<String> formed = new HashSet<>();
    private int scales;

    LowRankCosts(
            StepCosts.Shape shape,
            LowRankDirection direction,
            boolean folds,
            List<Operation> operations) {
        this.shape = shape;
        this.direction = direction;
        this.folds = folds;
        this.operations = operations;
    }

    @Override
    public void asking(int count) {
        scales = count;
    }

    @Override
    public void update(BlockLayout block) {
        for (TensorSlot slot : block.tensors()) {
            double elements = slot.elementCount();
            if (LowRankSize.isMatrix(slot)) {
                elements = left(slot);
                // V lasts for a window; its steps share it.
                double right = (double) LowRankSize.columnsOf(slot) * direction.rank();
                operations.add(new Operation.Factor(right / direction.window()));
            }
            operations.add(new Operation.Factor(elements * shape.questions().directions()));
            operations.add(new Operation.Dispatch(1));
        }
    }

    private double left(TensorSlot slot) {
        return (double) LowRankSize.rowsOf(slot) * direction.rank();
    }

    @Override
    public void vector(TensorSlot slot) {
        boolean stores = folds && formed.add(slot.name());
        operations.add(new Operation.Form(slot.elementCount(), WeightCosts.measured(slot), 1, true, stores));
    }

    @Override
    public void lookUp(TensorSlot table, long rows, long width) {
        long elements = rows * width;
        operations.add(new Operation.Factor((double) rows * direction.rank()));
        operations.add(new Operation.Stored(elements, WeightCosts.measured(table), false));
        operations.add(new Operation.Terms(elements, (long) scales * direction.rank()));
        operations.add(new Operation.Dispatch(1));
    }

    @Override
    public void multiply(TensorSlot matrix, LinearSpec linear, int paddedRows) {
        operations.add(new Operation.Factor(left(matrix)));
        operations.add(
                new Operation.Side(
                        paddedRows, linear.inputs(), linear.outputs(), direction.rank(), scales));
        boolean stores = folds && formed.add(matrix.name());
        boolean direct = !stores && productsRead(WeightCosts.measured(matrix));
        operations.add(new Operation.Stored(matrix.elementCount(), WeightCosts.measured(matrix), direct));
        if (stores) {
            fold(matrix);
        }
        // The rows of all scales lie in one product.
        int rows = scales * paddedRows;
        operations.add(new Operation.Matmul(rows, linear.inputs(), linear.outputs(), 1));
        GemmTiles tiles = GemmTiles.of(paddedRows, linear.outputs());
        boolean whole = !direct && WeightPanels.formsWhole(linear, tiles, shape.workers());
        operations.add(new Operation.Dispatch(whole ? 4 : 3)); // of factors, of both products
    }

    /** Whether products read a matrix where it lies. */
    private boolean productsRead(DType dtype) {
        DType operands = shape.arithmetic().matmul() == Matmul.BF16 ? DType.BF16 : DType.F32;
        return shape.readsStored() || dtype == operands;
    }

    private void fold(TensorSlot matrix) {
        operations.add(new Operation.Terms(matrix.elementCount(), direction.rank()));
        operations.add(new Operation.Form(matrix.elementCount(), WeightCosts.measured(matrix), 0, false, true));
    }

    @Override
    public void foldTheRest(BlockLayout block) {
        for (TensorSlot slot : folds ? block.tensors() : List.<TensorSlot>of()) {
            if (formed.contains(slot.name())) {
                continue;
            }
            if (LowRankSize.isMatrix(slot)) {
                operations.add(new Operation.Stored(slot.elementCount(), WeightCosts.measured(slot), false));
                fold(slot);
            } else {
                operations.add(
                        new Operation.Form(slot.elementCount(), WeightCosts.measured(slot), 0, true, true));
            }
            operations.add(new Operation.Dispatch(1));
        }
    }
}
