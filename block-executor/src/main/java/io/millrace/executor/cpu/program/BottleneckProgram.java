package io.millrace.executor.cpu.program;

import io.millrace.executor.cpu.op.Activations;
import io.millrace.executor.cpu.op.Operator;
import io.millrace.executor.cpu.op.RowTasks;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.SideProducts;
import io.millrace.executor.cpu.op.WorkerPool;
import io.millrace.executor.cpu.scratch.Scratch;
import io.millrace.executor.cpu.weight.FormedWeights;
import io.millrace.executor.schedule.BottleneckPlaces;
import io.millrace.executor.schedule.TrainPlaces;
import io.millrace.executor.step.Floats;
import io.millrace.executor.step.Variants;
import io.millrace.model.program.Bottleneck;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.TensorSpec;
import io.millrace.model.spec.TensorTrain;
import java.util.List;

/**
 * Bottlenecks of tensor trains, each scale with its own cores. The cores of a matrix are contracted
 * to two thin factors, once for all rows, so that a row takes four thin products; the matrix itself
 * is never made. All of it is float32.
 */
public final class BottleneckProgram {
    private static final int ROWS_TOGETHER = 32;

    private final WorkerPool pool;
    private final Scratch scratch;

    BottleneckProgram(WorkerPool pool, Scratch scratch) {
        this.pool = pool;
        this.scratch = scratch;
    }

    /** {@code out = in + up(relu(down(in)))}. */
    void run(Bottleneck op, BlockFrame frame, Variants in, Variants out, int rows) {
        BottleneckPlaces places = BottleneckPlaces.of(op);
        Floats formed = scratch.vector(0);
        form(frame.weights(), places.down(), places, formed);
        form(frame.weights(), places.up(), places, formed);
        pool.parallelFor(
                frame.scales(),
                Operator.LOW_RANK,
                (scale, worker) -> {
                    Floats own = formed.at(scale * places.floats());
                    contract(places.down(), places, own);
                    contract(places.up(), places, own);
                });
        RowTasks.run(
                pool,
                Operator.LOW_RANK,
                frame.scales(),
                rows,
                2L * op.down().rank() * (op.in().width() + op.width()),
                (scale, from, to, worker) -> {
                    Floats own = formed.at(scale * places.floats());
                    for (int row = from; row < to; row += ROWS_TOGETHER) {
                        int count = Math.min(ROWS_TOGETHER, to - row);
                        Floats x = in.of(scale).at(row * in.rowStride());
                        Floats y = out.of(scale).at(row * out.rowStride());
                        apply(places, own, x, in.rowStride(), y, out.rowStride(), count, worker);
                    }
                });
    }

    /**
     * Forms all tensors of a bottleneck as the block has them, and contracts their cores.
     *
     * @param formed where that lies, of one scale
     */
    public static void contract(FormedWeights weights, BottleneckPlaces places, Floats formed) {
        for (TrainPlaces train : List.of(places.down(), places.up())) {
            form(weights, train, places, formed);
            contract(train, places, formed);
        }
    }

    private static void form(
            FormedWeights weights, TrainPlaces train, BottleneckPlaces places, Floats formed) {
        long at = train.start();
        for (TensorSpec tensor : train.train().tensors()) {
            weights.formWhole(weights.indexOf(tensor.name()), formed.at(at), places.floats());
            at += tensor.elements();
        }
    }

    /** Both factors of a train, from left to right. */
    private static void contract(TrainPlaces places, BottleneckPlaces all, Floats own) {
        TensorTrain train = places.train();
        int rank = train.rank();
        int cores = train.inputs().size();
        Floats product = own.at(places.core(0)); // [inputs so far, rank]
        long rows = train.inputs().getFirst();
        int turn = 0;
        for (int i = 1; i < cores; i++) {
            Floats made = own.at(all.work() + turn * all.product());
            int extent = train.inputs().get(i);
            multiply(product, rows, rank, own.at(places.core(i)), extent * rank, made);
            product = made;
            rows *= extent;
            turn = 1 - turn;
        }
        Floats first = own.at(places.first());
        SideProducts.turn(
                product.segment(),
                product.start(),
                train.inputWidth(),
                rank,
                1,
                first.segment(),
                first.start());
        product = own.at(places.core(cores)); // [rank, outputs so far, rank]
        rows = (long) rank * train.outputs().getFirst();
        for (int i = 1; i < cores; i++) {
            boolean last = i == cores - 1;
            Floats made =
                    last ? own.at(places.second()) : own.at(all.work() + turn * all.product());
            int extent = train.outputs().get(i);
            int columns = last ? extent : extent * rank;
            multiply(product, rows, rank, own.at(places.core(cores + i)), columns, made);
            product = made;
            rows *= extent;
            turn = 1 - turn;
        }
    }

    private static void multiply(
            Floats left, long rows, int rank, Floats right, int columns, Floats out) {
        SideProducts.multiply(
                left.segment(),
                left.start(),
                rows,
                rank,
                right.segment(),
                right.start(),
                columns,
                out.segment(),
                out.start());
    }

    private void apply(
            BottleneckPlaces places,
            Floats own,
            Floats x,
            long xStride,
            Floats y,
            long yStride,
            int rows,
            int worker) {
        TensorTrain down = places.down().train();
        int middle = down.outputWidth();
        int width = down.inputWidth();
        Floats hidden = scratch.tile(worker);
        Floats thin = hidden.at((long) rows * middle);
        Floats downBias = own.at(places.down().bias());
        for (int row = 0; row < rows; row++) {
            Floats to = hidden.at((long) row * middle);
            Rows.copy(downBias.segment(), downBias.start(), to.segment(), to.start(), middle);
        }
        addProduct(places.down(), own, x, xStride, hidden, middle, rows, thin);
        Activations.apply(
                Activation.RELU,
                hidden.segment(),
                hidden.start(),
                hidden.segment(),
                hidden.start(),
                (long) rows * middle);
        Floats upBias = own.at(places.up().bias());
        for (int row = 0; row < rows; row++) {
            Floats to = y.at(row * yStride);
            Floats from = x.at(row * xStride);
            Rows.copy(from.segment(), from.start(), to.segment(), to.start(), width);
            Rows.add(upBias.segment(), upBias.start(), to.segment(), to.start(), width);
        }
        addProduct(places.up(), own, hidden, middle, y, yStride, rows, thin);
    }

    /** {@code y += x Wᵀ} by way of the two factors. */
    private static void addProduct(
            TrainPlaces places,
            Floats own,
            Floats x,
            long xStride,
            Floats y,
            long yStride,
            int rows,
            Floats thin) {
        TensorTrain train = places.train();
        Floats first = own.at(places.first());
        Floats second = own.at(places.second());
        SideProducts.project(
                x.segment(),
                x.start(),
                xStride,
                rows,
                train.inputWidth(),
                first.segment(),
                first.start(),
                train.rank(),
                thin.segment(),
                thin.start());
        SideProducts.add(
                y.segment(),
                y.start(),
                yStride,
                rows,
                train.outputWidth(),
                1,
                null,
                0,
                thin.segment(),
                thin.start(),
                train.rank(),
                second.segment(),
                second.start(),
                train.outputWidth(),
                false,
                y.segment(),
                y.start(),
                yStride);
    }
}
