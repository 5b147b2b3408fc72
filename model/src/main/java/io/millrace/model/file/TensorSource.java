package io.millrace.model.file;

import io.millrace.memory.TensorSlot;
import java.lang.foreign.MemorySegment;

/** Where the weights of a checkpoint to be written come from. */
@FunctionalInterface
public interface TensorSource {
    /**
     * Gives a part of a tensor.
     *
     * @param slot the tensor, in the dtype that is written
     * @param offsetBytes where the part begins in the tensor
     * @param dst to be filled whole
     */
    void read(TensorSlot slot, long offsetBytes, MemorySegment dst);
}
