package io.millrace.executor.plan;

import io.millrace.executor.cpu.op.GemmTiles;
import io.millrace.executor.cpu.weight.WeightPanels;
import io.millrace.executor.step.LowRankSize;
import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.model.spec.LinearSpec;
import io.millrace.optim.direction.FactoredDirection;
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
    /** Terms of float32 sums that a term of a double one, by a product and a sum, is taken for. */
    private static final long DOUBLE_TERMS = 4;

    private final StepCosts.Shape shape;
    private final FactoredDirection direction;
    private final StepParts.Part part;
    private final boolean folds;
    private final List<Operation> operations;
    private final double ungathered; // terms that are added to the weights as they are formed
    private final Set<String> formed = new HashSet<>();
    private int queries;
    private int scales;

    LowRankCosts(
            StepCosts.Shape shape,
            FactoredDirection direction,
            StepParts.Part part,
            boolean folds,
            boolean foldingStep,
            List<Operation> operations) {
        this.shape = shape;
        this.direction = direction;
        this.part = part;
        this.folds = folds;
        this.operations = operations;
        // As with dense directions: a folding step finds all, a reading step half of them.
        double pending =
                part.pending() * shape.questions().directions() * shape.arithmetic().foldEvery();
        ungathered = direction.core().gathers() ? 0 : foldingStep ? pending : pending / 2;
    }

    @Override
    public void asking(int together, int count) {
        queries = together;
        scales = count;
    }

    @Override
    public void update(BlockLayout block) {
        if (!direction.core().gathers()) {
            return;
        }
        for (TensorSlot slot :
                part.pending() > 0 ? LowRankSize.trained(block) : List.<TensorSlot>of()) {
            double elements = slot.elementCount();
            if (LowRankSize.isMatrix(slot)) {
                elements = core(slot);
                // What is fixed lasts for a window; its steps share it.
                double right = (double) LowRankSize.columnsOf(slot) * rank(slot);
                double fixed =
                        (direction.core().fixesRight() ? right : 0)
                                + (direction.core().fixesLeft() ? left(slot) : 0);
                operations.add(new Operation.Factor(fixed / direction.window()));
                orthogonalize(slot);
            }
            double terms = part.pending() * shape.questions().directions();
            operations.add(new Operation.Factor(elements * terms));
            operations.add(new Operation.Dispatch(1));
        }
    }

    /**
     * An iteration makes two products of [r, r] and [r, n] in double, and a square of the first.
     */
    private void orthogonalize(TensorSlot slot) {
        int iterations = shape.rule().newtonSchulz();
        if (iterations > 0) {
            int rank = rank(slot);
            long columns = LowRankSize.columnsOf(slot);
            operations.add(
                    new Operation.Terms(rank * columns, DOUBLE_TERMS * iterations * 2 * rank));
            operations.add(
                    new Operation.Terms((long) rank * rank, DOUBLE_TERMS * iterations * rank));
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
        return (double)
                direction
                        .core()
                        .floats(LowRankSize.rowsOf(slot), LowRankSize.columnsOf(slot), rank(slot));
    }

    /** The left sides of some rows of a matrix. */
    private void sides(TensorSlot matrix, long rows) {
        int rank = rank(matrix);
        switch (direction.core()) {
            case LEFT -> operations.add(new Operation.Factor((double) queries * rows * rank));
            case PAIR -> {
                long both = rows + LowRankSize.columnsOf(matrix);
                operations.add(new Operation.Factor((double) queries * both * rank));
            }
            case RIGHT -> {
                operations.add(new Operation.Factor(queries * core(matrix)));
                operations.add(new Operation.Factor((double) rows * rank));
            }
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
        double lacking = lacking(slot);
        boolean stores = stores(slot) && formed.add(slot.name());
        double terms = lacking + (isStill(slot) ? 0 : 1);
        for (int query = 0; query < queries; query++) {
            boolean last = query == queries - 1;
            operations.add(
                    new Operation.Form(
                            slot.elementCount(),
                            WeightCosts.measured(slot),
                            terms,
                            true,
                            stores && last));
        }
    }

    /** Terms that stored bytes have not seen and nothing has gathered. */
    private double lacking(TensorSlot slot) {
        return slot.isTrained() && !formed.contains(slot.name()) ? ungathered : 0;
    }

    /** Columns of the thin product that a fold adds, or a reader where nothing is gathered. */
    private void terms(TensorSlot matrix, double lacking) {
        long columns =
                direction.core().gathers() ? rank(matrix) : Math.round(rank(matrix) * lacking);
        if (!direction.core().gathers()) {
            double both = LowRankSize.rowsOf(matrix) + LowRankSize.columnsOf(matrix);
            operations.add(new Operation.Factor(both * columns));
        }
        operations.add(new Operation.Terms(matrix.elementCount(), columns));
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
        boolean still = isStill(table);
        if (!still) {
            sides(table, rows);
        }
        operations.add(new Operation.Stored(elements, WeightCosts.measured(table), false));
        if (!still) {
            operations.add(new Operation.Terms(elements, (long) scales * rank(table)));
        }
        operations.add(new Operation.Dispatch(1));
    }

    @Override
    public void multiply(TensorSlot matrix, LinearSpec linear, int paddedRows) {
        boolean still = isStill(matrix);
        if (!still) {
            sides(matrix, LowRankSize.rowsOf(matrix));
            operations.add(
                    new Operation.Side(
                            paddedRows, linear.inputs(), linear.outputs(), rank(matrix), scales));
        }
        double lacking = lacking(matrix);
        boolean stores = stores(matrix) && formed.add(matrix.name());
        boolean direct = !stores && lacking == 0 && shape.reads(WeightCosts.measured(matrix));
        operations.add(
                new Operation.Stored(matrix.elementCount(), WeightCosts.measured(matrix), direct));
        if (stores) {
            fold(matrix, lacking);
        } else if (lacking > 0) {
            terms(matrix, lacking);
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

    private void fold(TensorSlot matrix, double lacking) {
        terms(matrix, lacking);
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
                fold(slot, lacking(slot));
            } else {
                operations.add(
                        new Operation.Form(
                                slot.elementCount(),
                                WeightCosts.measured(slot),
                                lacking(slot),
                                true,
                                true));
            }
            operations.add(new Operation.Dispatch(1));
        }
    }
}
