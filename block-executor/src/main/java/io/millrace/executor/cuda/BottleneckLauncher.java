package io.millrace.executor.cuda;

import io.millrace.executor.cuda.kernel.BesideKernels;
import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.kernel.LowRankKernels;
import io.millrace.executor.cuda.weight.DeviceScratch;
import io.millrace.executor.cuda.weight.DeviceScratchPlan.Part;
import io.millrace.executor.cuda.weight.DeviceWeights;
import io.millrace.executor.schedule.BottleneckPlaces;
import io.millrace.executor.schedule.TrainPlaces;
import io.millrace.memory.DType;
import io.millrace.model.program.Bottleneck;
import io.millrace.model.spec.TensorSpec;
import io.millrace.model.spec.TensorTrain;

/**
 * Launches bottlenecks of tensor trains, each scale with its own cores. The cores of a matrix are
 * contracted to two thin factors, once for all rows; all of it is float32 but for what is read and
 * what is made.
 */
final class BottleneckLauncher {
    private static final int PLACE = 0; // of the vectors of a block

    private final BesideKernels beside;
    private final LowRankKernels thin;
    private final DeviceScratch scratch;

    BottleneckLauncher(BesideKernels beside, LowRankKernels thin, DeviceScratch scratch) {
        this.beside = beside;
        this.thin = thin;
        this.scratch = scratch;
    }

    /** {@code out = in + up(relu(down(in)))}, or the same added to what out holds. */
    void run(Bottleneck op, LaunchFrame frame, DeviceMatrix out, int rows, boolean adds) {
        BottleneckPlaces places = BottleneckPlaces.of(op);
        Own own = new Own(places, scratch.vector(PLACE), frame.scales());
        form(frame.weights(), places.down(), own);
        form(frame.weights(), places.up(), own);
        contract(places.down(), own);
        contract(places.up(), own);
        DeviceMatrix in = frame.place(op.in());
        int middle = op.width();
        DeviceMatrix hidden =
                new DeviceMatrix(
                        scratch.address(Part.BESIDE), (long) rows * middle, middle, DType.F32);
        long products = hidden.address() + own.scales * hidden.stride() * Float.BYTES;
        beside.into(project(places.down(), own, in, rows, products), hidden, rows, own.scales);
        beside.outOf(
                project(places.up(), own, hidden, rows, products), in, out, adds, rows, own.scales);
    }

    /**
     * What the scales make of a bottleneck's tensors.
     *
     * @param places of one scale
     * @param first address of the first scale's
     * @param scales how many
     */
    private record Own(BottleneckPlaces places, long first, int scales) {
        long at(long place) {
            return first + place * Float.BYTES;
        }

        long stride() {
            return places.floats();
        }
    }

    private static void form(DeviceWeights weights, TrainPlaces train, Own own) {
        long at = train.start();
        for (TensorSpec tensor : train.train().tensors()) {
            weights.vector(weights.indexOf(tensor.name()), own.at(at), own.stride());
            at += tensor.elements();
        }
    }

    /** Both factors of a train, from left to right. */
    private void contract(TrainPlaces places, Own own) {
        TensorTrain train = places.train();
        int rank = train.rank();
        int cores = train.inputs().size();
        long product = own.at(places.core(0)); // [inputs so far, rank]
        long rows = train.inputs().getFirst();
        int turn = 0;
        for (int i = 1; i < cores; i++) {
            long made = work(own, turn);
            int extent = train.inputs().get(i);
            multiply(own, product, rows, rank, places.core(i), extent * rank, made);
            product = made;
            rows *= extent;
            turn = 1 - turn;
        }
        long first = own.at(places.first());
        beside.turn(product, own.stride(), train.inputWidth(), rank, 1, own.scales, first);
        product = own.at(places.core(cores)); // [rank, outputs so far, rank]
        rows = (long) rank * train.outputs().getFirst();
        for (int i = 1; i < cores; i++) {
            boolean last = i == cores - 1;
            long made = last ? own.at(places.second()) : work(own, turn);
            int extent = train.outputs().get(i);
            int columns = last ? extent : extent * rank;
            multiply(own, product, rows, rank, places.core(cores + i), columns, made);
            product = made;
            rows *= extent;
            turn = 1 - turn;
        }
    }

    private static long work(Own own, int turn) {
        return own.at(own.places.work() + turn * own.places.product());
    }

    private void multiply(
            Own own, long left, long rows, int rank, long core, int columns, long out) {
        beside.contract(left, own.at(core), own.stride(), rows, rank, columns, own.scales, out);
    }

    /** Rows times the first factor of a train, and what follows. */
    private BesideKernels.TwoFactors project(
            TrainPlaces places, Own own, DeviceMatrix in, int rows, long products) {
        TensorTrain train = places.train();
        thin.project(
                in,
                own.at(places.first()),
                own.stride(),
                train.inputWidth(),
                train.rank(),
                products,
                rows,
                own.scales);
        return new BesideKernels.TwoFactors(
                own.at(places.bias()),
                products,
                own.at(places.second()),
                own.stride(),
                train.rank(),
                train.outputWidth());
    }
}
