package io.millrace.executor.cuda.weight;

import io.millrace.executor.cuda.kernel.DeviceMatrix;
import io.millrace.executor.cuda.kernel.ThinSide;
import io.millrace.executor.step.UpdateLog;
import io.millrace.memory.BlockLayout;
import io.millrace.optim.estimate.Query;
import io.millrace.prefetch.BlockLease;
import java.util.List;

/**
 * How a direction is run on a CUDA device: what its queries see of a block's weights, how products
 * with them are made, and how its updates come into the stored bytes. Launches go to the compute
 * stream.
 */
public interface DevicePasses {
    /** Products with weights along the direction. */
    DeviceLinear linear();

    /** The most scales of queries that go through a block together; 0 where each goes alone. */
    default int scalesAtOnce() {
        return 0;
    }

    /**
     * Folds beforehand where more updates are pending than one pass takes, as after a resume.
     *
     * @param lease of a block
     * @param block its layout
     * @param updates the run's
     */
    void prepare(BlockLease lease, BlockLayout block, UpdateLog updates);

    /** Makes ready for the operators of a visit. */
    void begin(DeviceVisit visit);

    /**
     * Forms a whole tensor that is no matrix in float32, stores it where the visit says so, and
     * tells the visit.
     *
     * @param queries what sees it; one where each goes alone
     * @param place where the first scale's goes
     * @param stride elements from a scale's to the next
     */
    void vector(DeviceVisit visit, int tensor, List<Query> queries, long place, long stride);

    /**
     * Rows to look up.
     *
     * @param ids address of the row numbers, int32
     * @param idOffset added to each
     * @param count how many
     * @param factor on each row
     * @param accumulate whether to add to what is where they go
     */
    record Rows(long ids, int idOffset, int count, float factor, boolean accumulate) {
        /** As launches of thin factors take them. */
        public ThinSide.Rows of(DeviceMatrix out) {
            return new ThinSide.Rows(ids, idOffset, count, factor, accumulate, out);
        }
    }

    /** Looks rows of a table up for some queries, which leaves the stored bytes alone. */
    void rows(DeviceVisit visit, int tensor, List<Query> queries, Rows rows, DeviceMatrix out);

    /** Folds the updates that are due into all tensors that no operator formed. */
    void fold(DeviceVisit visit);
}
