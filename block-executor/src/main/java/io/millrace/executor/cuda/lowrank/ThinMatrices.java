package io.millrace.executor.cuda.lowrank;

import io.millrace.executor.cuda.kernel.DeviceTensor;
import io.millrace.executor.cuda.kernel.PackedKernels;
import io.millrace.executor.cuda.kernel.ThinMatrix;
import io.millrace.executor.cuda.weight.DeviceVisit;
import io.millrace.memory.DType;
import io.millrace.optim.estimate.Query;
import io.millrace.optim.update.Decay;
import java.util.List;

/** What products with matrices need of a way of thin factors. */
interface ThinMatrices {
    /** A matrix, and how its factors are made. */
    ThinMatrix matrix(DeviceVisit visit, int tensor);

    /** Stores a matrix that is to be stored now, so that its bytes are what products read. */
    void storeNow(DeviceVisit visit, int tensor);

    /** Whether a matrix is, but for its type, stored as it is beside thin products. */
    boolean isPlain(DeviceVisit visit, int tensor);

    /** Forms rows of a matrix as it is beside thin products. */
    @FunctionalInterface
    interface Base {
        /**
         * Launches.
         *
         * @param firstRow the first row
         * @param rows how many
         * @param place where they go
         * @param type what they are formed in
         */
        void form(long firstRow, long rows, long place, DType type);
    }

    /** What forms a matrix that is stored in fewer bits, and so is what its codes say. */
    static Base packed(PackedKernels kernels, DeviceVisit visit, int tensor) {
        DeviceTensor stored = visit.tensor(tensor);
        long columns = visit.slot(tensor).shape().getLast();
        return (firstRow, rows, place, type) ->
                kernels.form(stored, firstRow * columns, rows * columns, place, type);
    }

    /** What forms a matrix; the last one made is valid. */
    Base base(DeviceVisit visit, int tensor);

    /** Whether queries see more of a matrix than what {@link #base} forms. */
    boolean isBeside(DeviceVisit visit, int tensor, boolean still);

    /** Makes the factors beside a matrix for all scales of some queries. */
    DeviceThin.Factors factors(DeviceVisit visit, int tensor, List<Query> queries);

    /** What becomes of the matrix itself beside them. */
    Decay decay(DeviceVisit visit, int tensor);
}
