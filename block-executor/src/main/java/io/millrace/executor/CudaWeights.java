package io.millrace.executor;

import io.millrace.executor.cuda.DeviceMatrix;
import io.millrace.optim.Probe;

/** A block's weights as one probe sees them: θ + s·z for each of its scales, formed on demand. */
final class CudaWeights {
    private final CudaVisit visit;
    private final Probe probe;
    private final CudaPasses passes;
    private final CudaScratch scratch;

    CudaWeights(CudaVisit visit, Probe probe, CudaPasses passes, CudaScratch scratch) {
        this.visit = visit;
        this.probe = probe;
        this.passes = passes;
        this.scratch = scratch;
    }

    CudaVisit visit() {
        return visit;
    }

    Probe probe() {
        return probe;
    }

    int scaleCount() {
        return probe.scales().size();
    }

    int indexOf(String name) {
        return visit.indexOf(name);
    }

    /**
     * Forms a whole vector in float32, and folds it if due.
     *
     * @param which of the places for vectors
     * @param name the tensor, or null
     * @return where the first scale's lies, those of the next after it; 0 without a tensor
     */
    long vector(int which, String name) {
        if (name == null) {
            return 0;
        }
        long place = scratch.vector(which);
        int index = visit.indexOf(name);
        vector(index, place, visit.slot(index).elementCount());
        return place;
    }

    /** The same at a place of the caller's, with so many elements from a scale's to the next. */
    void vector(int index, long place, long stride) {
        passes.vector(visit, index, probe, place, stride);
        visit.markFormed(index);
    }

    /** Looks rows of a table up, which leaves the stored bytes alone. */
    void rows(int index, CudaPasses.Rows rows, DeviceMatrix out) {
        passes.rows(visit, index, probe, rows, out);
    }
}
