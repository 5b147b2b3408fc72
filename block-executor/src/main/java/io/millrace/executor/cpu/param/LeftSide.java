package io.millrace.executor.cpu.param;

import io.millrace.optim.direction.FactoredDirection;
import io.millrace.optim.estimate.Query;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * The left side w [m, r] of a product w Rᵀ of thin factors, before it is made: of what updates have
 * gathered, what queries add to it, and a fixed factor where the direction has one. Memory in
 * floats.
 *
 * @param direction the direction
 * @param tensorId the matrix's index among the sorted trainable names
 * @param rank r
 * @param scale κ
 * @param gathered what updates have gathered, as large as the core; zero where empty
 * @param fixed the fixed left factor, row-major [m, r]; none where a query makes its own
 * @param cores where cores lie that {@link FactorKernels#cores} has made, one for each scale of the
 *     queries, or one without them; none where no core lies between factors
 * @param queries what adds to it, all their scales numbered through; empty for a fold
 */
public record LeftSide(
        FactoredDirection direction,
        int tensorId,
        int rank,
        float scale,
        Optional<MemorySegment> gathered,
        Optional<MemorySegment> fixed,
        Optional<MemorySegment> cores,
        List<Query> queries) {
    /** Of a track. */
    static LeftSide of(
            FactorTrack track,
            boolean withGathered,
            Optional<MemorySegment> fixed,
            Optional<MemorySegment> cores,
            List<Query> queries) {
        return new LeftSide(
                track.direction(),
                track.tensorId(),
                track.width(),
                track.scale(),
                withGathered ? Optional.of(track.left()) : Optional.empty(),
                fixed,
                cores,
                queries);
    }

    /** Floats of a core between fixed factors; 0 where there is none. */
    int coreFloats() {
        return direction.core().liesBetween() ? (int) direction.core().floats(0, 0, rank) : 0;
    }
}
