package io.millrace.memory;

import java.util.List;

/**
 * Where a block keeps one state of one of its tensors: numbers that an update rule carries from
 * step to step, zero before the first. Of most states there is one for every element.
 *
 * @param state its place among the states that the rule keeps for a tensor, from 0
 * @param name what the rule calls it
 * @param tensor index of its tensor in the block
 * @param dtype how its numbers are stored
 * @param offsetBytes from the start of the block; a multiple of {@link BlockLayout#ALIGNMENT}
 * @param elementCount how many numbers; 0 of a tensor that the rule keeps none for
 * @param ofElements whether there is one for each element of the tensor
 */
public record StateSlot(
        int state,
        String name,
        int tensor,
        DType dtype,
        long offsetBytes,
        long elementCount,
        boolean ofElements) {
    /** A state of each element. */
    public StateSlot(
            int state, String name, int tensor, DType dtype, long offsetBytes, long elementCount) {
        this(state, name, tensor, dtype, offsetBytes, elementCount, true);
    }

    /**
     * A state as a rule asks for it, whatever the tensor.
     *
     * @param name what the rule calls it
     * @param dtype how its numbers are stored
     * @param extent how many there are
     */
    public record Kind(String name, DType dtype, Extent extent) {
        private static final Extent ELEMENTS =
                shape -> shape.stream().reduce(1L, Math::multiplyExact);

        /** One number for each element. */
        public Kind(String name, DType dtype) {
            this(name, dtype, ELEMENTS);
        }

        /** Checks that states of the type can be computed on. */
        public Kind {
            boolean known = dtype == DType.F32 || dtype == DType.BF16 || dtype == DType.U8;
            if (name.isEmpty() || !known) {
                throw new IllegalArgumentException("a state '" + name + "' of " + dtype);
            }
        }

        /** Whether there is one number for each element. */
        boolean isOfElements() {
            return extent.equals(ELEMENTS);
        }
    }

    /** How many numbers a state has. */
    @FunctionalInterface
    public interface Extent {
        /** The count for a tensor, or for a part of its rows. */
        long of(List<Long> shape);
    }

    /** Bytes of all its numbers. */
    public long sizeBytes() {
        return elementCount * dtype.sizeBytes();
    }
}
