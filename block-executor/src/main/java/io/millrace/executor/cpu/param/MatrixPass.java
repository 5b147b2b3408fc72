package io.millrace.executor.cpu.param;

import io.millrace.memory.DType;
import java.lang.foreign.MemorySegment;

/** One worker's pass over a matrix, which forms what a plan of its own kind says. */
public interface MatrixPass<P> {
    /** Says in which type outputs are written from now on. */
    MatrixPass<P> writing(DType type);

    /**
     * Passes over consecutive elements of a matrix. Outputs are contiguous.
     *
     * @param tensor where the matrix is stored
     * @param plan what to do
     * @param firstElement the first element
     * @param count how many
     * @param outputs memory of each output
     * @param outputOffsets bytes at which each begins
     */
    void range(
            StoredTensor tensor,
            P plan,
            long firstElement,
            long count,
            MemorySegment[] outputs,
            long[] outputOffsets);

    /** Passes over some columns of every row. Outputs are contiguous. */
    void columns(
            StoredTensor tensor,
            P plan,
            long column,
            long columns,
            MemorySegment[] outputs,
            long[] outputOffsets);
}
