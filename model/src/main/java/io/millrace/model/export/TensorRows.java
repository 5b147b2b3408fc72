package io.millrace.model.export;

import io.millrace.memory.BlockLayout;
import io.millrace.memory.TensorSlot;
import io.millrace.model.PackedSource;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Reads rows of a tensor as numbers, in another order or turned. For use by one thread. */
final class TensorRows implements AutoCloseable {
    private final PackedSource packed;
    private final TensorSlot slot;
    private final int columns;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment stored;

    /**
     * Rows of a tensor.
     *
     * @param columns of a row
     * @param most elements that are asked for at once
     */
    TensorRows(PackedSource packed, TensorSlot slot, int columns, int most) {
        this.packed = packed;
        this.slot = slot;
        this.columns = columns;
        stored = arena.allocate((long) most * slot.dtype().sizeBytes(), BlockLayout.ALIGNMENT);
    }

    /** Rows by their places in an order; such as follow one another are read together. */
    void read(RowOrder order, long first, int rows, float[] values) {
        for (int row = 0; row < rows; ) {
            long from = order.source(first + row);
            int run = 1;
            while (row + run < rows && order.source(first + row + run) == from + run) {
                run++;
            }
            read(from * columns, run * columns, values, row * columns);
            row += run;
        }
    }

    /**
     * Columns as rows: of a matrix that is stored input by input.
     *
     * @param first column
     * @param count of columns
     * @param stride numbers of a stored row
     */
    void readTurned(long first, int count, int stride, float[] values) {
        float[] part = new float[count];
        for (int row = 0; row < columns; row++) {
            read((long) row * stride + first, count, part, 0);
            for (int i = 0; i < count; i++) {
                values[i * columns + row] = part[i];
            }
        }
    }

    private void read(long first, int count, float[] values, int at) {
        int width = slot.dtype().sizeBytes();
        packed.read(slot, first * width, stored.asSlice(0, (long) count * width));
        slot.dtype().load(stored, 0, 0, values, at, count);
    }

    @Override
    public void close() {
        arena.close();
    }
}
