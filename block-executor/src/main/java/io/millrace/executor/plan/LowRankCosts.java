package io.millrace.executor.plan;

import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.weight.WeightPanels;
import io.millrace.executor.step.LowRankSize;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.DType;
import io.millrace.memory.Matmul;
import io.millrace.memory.TensorSlot;
import io.millrace.model.spec.LinearSpec;
import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.direction.FactoredDirection.Core;
import io.millrace.prefetch.plan.Operation;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Of directions of thin factors: a matrix is read as it is stored, thin products are made beside
 * it, and what updates have gathered is folded in when its time comes. Other tensors are formed as
 * with dense directions, from sums that are kept.
 */
final class LowRankCosts implements WeightCosts {
    private final StepCosts.Shape shape;
    private final FactoredDirection direction;
    private final boolean folds;
    private final List<Operation> operations;
    private final Set<String> formed = new HashSet<>();
    private int queries;
    private int scales;

    LowRankCosts(
            StepCosts.Shape shape,
            FactoredDirection direction,
            boolean folds,
            List<Operation> operations) {
        this.shape = shape;
        this.direction = direction;
        this.folds = folds;
        this.operations = operations;
    }

    @Override
    public void asking(int together, int count) {
        queries = together;
        scales = count;
    }

    @Override
    public void update(BlockLayout block) {
        for (TensorSlot slot : block.tensors()) {
            double elements = slot.elementCount();
            if (LowRankSize.isMatrix(slot)) {
                elements = core(slot);
                // What is fixed lasts for a window; its steps share it.
                double right = (double) LowRankSize.columnsOf(slot) * rank(slot);
                double fixed = direction.core() == Core.LEFT ? right : right + left(slot);
                operations.add(new Operation.Factor(fixed / direction.window()));
            }
            operations.add(new Operation.Factor(elements * shape.questions().directions()));
            operations.add(new Operation.Dispatch(1));
        }
    }

    private double left(TensorSlot slot) {
        return (double) LowRankSize.rowsOf(slot) * rank(slot);
    }

    private int rank(TensorSlot slot) {
        return direction.rank(LowRankSize.rowsOf(slot), LowRankSize.columnsOf(slot));
    }

    /** Values that a query's seed makes. */
    private double core(TensorSlot slot) {
        return (double) direction.core().floats(LowRankSize.rowsOf(slot), rank(slot));
    }

    /** The left sides of some rows of a matrix. */
    private void sides(TensorSlot matrix, long rows) {
        int rank = rank(matrix);
        switch (direction.core()) {
            case LEFT -> operations.add(new Operation.Factor((double) queries * rows * rank));
            case SQUARE -> {
                operations.add(new Operation.Factor(queries * core(matrix)));
                operations.add(new Operation.Terms(rows * rank, (long) scales * rank));
            }
            case DIAGONAL -> {
                operations.add(new Operation.Factor(queries * core(matrix)));
                operations.add(new Operation.Terms(rows * rank, scales));
            }
        }
    }

    @Override
    public void vector(TensorSlot slot) {
        boolean stores = folds && formed.add(slot.name());
        for (int query = 0; query < queries; query++) {
            boolean last = query == queries - 1;
            operations.add(
                    new Operation.Form(
                            slot.elementCount(),
                            WeightCosts.measured(slot),
                            1,
                            true,
                            stores && last));
        }
    }

    @Override
    public void lookUp(TensorSlot table, long rows, long width) {
        long elements = rows * width;
        sides(table, rows);
        operations.add(new Operation.Stored(elements, WeightCosts.measured(table), false));
        operations.add(new Operation.Terms(elements, (long) scales * rank(table)));
        operations.add(new Operation.Dispatch(1));
    }

    @Override
    public void multiply(TensorSlot matrix, LinearSpec linear, int paddedRows) {
        sides(matrix, LowRankSize.rowsOf(matrix));
        operations.add(
                new Operation.Side(
                        paddedRows, linear.inputs(), linear.outputs(), rank(matrix), scales));
        boolean stores = folds && formed.add(matrix.name());
        boolean direct = !stores && productsRead(WeightCosts.measured(matrix));
        operations.add(
                new Operation.Stored(matrix.elementCount(), WeightCosts.measured(matrix), direct));
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
        operations.add(new Operation.Terms(matrix.elementCount(), rank(matrix)));
        operations.add(
                new Operation.Form(
                        matrix.elementCount(), WeightCosts.measured(matrix), 0, false, true));
    }

    @Override
    public void foldTheRest(BlockLayout block) {
        for (TensorSlot slot : folds ? block.tensors() : List.<TensorSlot>of()) {
            if (formed.contains(slot.name())) {
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
