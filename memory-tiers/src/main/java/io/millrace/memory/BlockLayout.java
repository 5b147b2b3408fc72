package io.millrace.memory;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What one block holds and where: the unit that moves between tiers.
 *
 * @param index its place among the model's blocks
 * @param tensors in order of offset, without overlap
 * @param sizeBytes a multiple of {@link #ALIGNMENT} that covers every tensor
 */
public record BlockLayout(int index, List<TensorSlot> tensors, long sizeBytes) {
    /** Offsets and sizes are multiples of this: a cache line, and a whole vector register. */
    public static final int ALIGNMENT = 64;

    /** Checks order, alignment and bounds. */
    public BlockLayout {
        tensors = List.copyOf(tensors);
        long end = 0;
        Set<String> names = new HashSet<>();
        for (TensorSlot tensor : tensors) {
            if (tensor.offsetBytes() < end || tensor.offsetBytes() % ALIGNMENT != 0) {
                throw new IllegalArgumentException(
                        "tensor "
                                + tensor.name()
                                + " overlaps or is misaligned at "
                                + tensor.offsetBytes());
            }
            if (!names.add(tensor.name())) {
                throw new IllegalArgumentException("tensor " + tensor.name() + " appears twice");
            }
            end = tensor.offsetBytes() + tensor.sizeBytes();
        }
        if (sizeBytes < end || sizeBytes % ALIGNMENT != 0) {
            throw new IllegalArgumentException(
                    "block " + index + " of " + sizeBytes + " bytes ends at " + end);
        }
    }

    /**
     * Lays tensors one after another; the offsets that they come with are ignored.
     *
     * @param index the block's index
     * @param tensors in the order wanted
     */
    public static BlockLayout pack(int index, List<TensorSlot> tensors) {
        List<TensorSlot> placed = new ArrayList<>();
        long offset = 0;
        for (TensorSlot tensor : tensors) {
            placed.add(
                    new TensorSlot(
                            tensor.name(),
                            tensor.tensorId(),
                            tensor.dtype(),
                            tensor.shape(),
                            offset));
            offset = alignUp(offset + tensor.sizeBytes());
        }
        return new BlockLayout(index, placed, offset);
    }

    /** The tensor of that name; an IllegalArgumentException where there is none. */
    public TensorSlot tensor(String name) {
        for (TensorSlot tensor : tensors) {
            if (tensor.name().equals(name)) {
                return tensor;
            }
        }
        throw new IllegalArgumentException("block " + index + " has no tensor " + name);
    }

    /** Number of elements of all tensors. */
    public long elementCount() {
        return tensors.stream().mapToLong(TensorSlot::elementCount).sum();
    }

    private static long alignUp(long offset) {
        return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
}
