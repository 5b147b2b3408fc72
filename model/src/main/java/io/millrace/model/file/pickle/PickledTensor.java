package io.millrace.model.file.pickle;

import java.util.List;

/**
 * A view of a storage, not yet held against anything.
 *
 * @param storage what it is a view of
 * @param offset of its first element in the storage, in elements
 * @param shape extents, natural numbers
 * @param strides in elements, one an extent, natural numbers
 */
public record PickledTensor(
        PickledStorage storage, long offset, List<Long> shape, List<Long> strides) {
    /** Freezes the lists. */
    public PickledTensor {
        shape = List.copyOf(shape);
        strides = List.copyOf(strides);
    }

    /** Whether the elements lie one behind the other, row by row. */
    public boolean isContiguous() {
        long expected = 1;
        for (int axis = shape.size() - 1; axis >= 0; axis--) {
            long extent = shape.get(axis);
            if (extent == 0) {
                return true;
            }
            if (extent != 1) {
                if (strides.get(axis) != expected) {
                    return false;
                }
                expected = Math.multiplyExact(expected, extent);
            }
        }
        return true;
    }
}
