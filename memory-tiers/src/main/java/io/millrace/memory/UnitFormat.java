package io.millrace.memory;

import java.util.List;

/**
 * A format of units, each of so many consecutive elements in so many bytes. Of a {@link DType} a
 * unit is one element. Others pack more into one, such as 32 small integers behind their scale; a
 * row then is whole units.
 */
public interface UnitFormat extends TensorFormat {
    /** Elements of a unit. */
    int unitElements();

    /** Bytes of a unit. */
    int unitBytes();

    /** The format that reads elements in the order in which they lie, if that is another. */
    default UnitFormat stored() {
        return this;
    }

    @Override
    default long bytes(List<Long> shape) {
        // A zero extent makes the product zero, yet the others must not overflow unnoticed.
        long units = 1;
        boolean empty = false;
        for (int axis = 0; axis < shape.size(); axis++) {
            long extent = shape.get(axis);
            if (axis == shape.size() - 1) {
                extent = unitsOfRow(extent);
            }
            empty |= extent == 0;
            units = Math.multiplyExact(units, Math.max(extent, 1));
        }
        if (shape.isEmpty()) {
            unitsOfRow(1);
        }
        long bytes = Math.multiplyExact(units, (long) unitBytes());
        return empty ? 0 : bytes;
    }

    private long unitsOfRow(long elements) {
        if (elements % unitElements() != 0) {
            throw new IllegalArgumentException(
                    "rows of " + elements + " elements, and a unit has " + unitElements());
        }
        return elements / unitElements();
    }
}
