package io.millrace.optim.gradient.rule;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A row-major float32 matrix somewhere in memory.
 *
 * @param memory that has it
 * @param first floats of that before it
 */
record Matrix(MemorySegment memory, long first, int rows, int columns) {
    /** How many numbers it has. */
    long count() {
        return (long) rows * columns;
    }

    /** Some consecutive numbers of it, whatever rows they are of. */
    void load(long from, float[] to, int at, int count) {
        long byteOffset = (first + from) * Float.BYTES;
        MemorySegment.copy(memory, ValueLayout.JAVA_FLOAT, byteOffset, to, at, count);
    }

    void store(long from, float[] values, int at, int count) {
        long byteOffset = (first + from) * Float.BYTES;
        MemorySegment.copy(values, at, memory, ValueLayout.JAVA_FLOAT, byteOffset, count);
    }

    /** The first numbers of a row, from a column on. */
    void loadRow(int row, int column, float[] to, int at, int count) {
        load((long) row * columns + column, to, at, count);
    }

    void storeRow(int row, int column, float[] values, int at, int count) {
        store((long) row * columns + column, values, at, count);
    }

    boolean isNothing() {
        for (long i = 0; i < count(); i++) {
            if (memory.get(ValueLayout.JAVA_FLOAT, (first + i) * Float.BYTES) != 0) {
                return false;
            }
        }
        return true;
    }
}
