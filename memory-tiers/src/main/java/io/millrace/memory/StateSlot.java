package io.millrace.memory;

/**
 * Where a block keeps one state of one of its tensors: a number for every element of it that an
 * update rule carries from step to step, zero before the first.
 *
 * @param state its place among the states that the rule keeps for a tensor, from 0
 * @param name what the rule calls it
 * @param tensor index of its tensor in the block
 * @param dtype how its numbers are stored
 * @param offsetBytes from the start of the block; a multiple of {@link BlockLayout#ALIGNMENT}
 * @param elementCount that of its tensor
 */
public record StateSlot(
        int state, String name, int tensor, DType dtype, long offsetBytes, long elementCount) {
    /**
     * A state as a rule asks for it, whatever the tensor.
     *
     * @param name what the rule calls it
     * @param dtype how its numbers are stored
     */
    public record Kind(String name, DType dtype) {
        /** Checks that states of the type can be computed on. */
        public Kind {
            if (name.isEmpty() || (dtype != DType.F32 && dtype != DType.BF16)) {
                throw new IllegalArgumentException("a state '" + name + "' of " + dtype);
            }
        }
    }

    /** Bytes of all its numbers. */
    public long sizeBytes() {
        return elementCount * dtype.sizeBytes();
    }
}
