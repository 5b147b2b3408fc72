package io.millrace.executor.step;

import io.millrace.model.spec.RopeSpec;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The table of a rotary embedding, as every device reads it: for each position dims/2 cosines, then
 * dims/2 sines, the attention factor in both.
 */
public final class RotaryTable {
    private RotaryTable() {}

    /** Floats of the table for positions [0, positions). */
    public static long tableFloats(RopeSpec spec, int positions) {
        return (long) spec.dims() * positions;
    }

    /** Fills the table; the angle is a float product, as the checkpoints' own code has it. */
    public static void fillTable(
            RopeSpec spec, int positions, MemorySegment table, long tableOffset) {
        int half = spec.dims() / 2;
        for (int position = 0; position < positions; position++) {
            long cosines = tableOffset + (long) position * spec.dims();
            for (int i = 0; i < half; i++) {
                float angle = position * spec.inverseFrequencies().get(i);
                double factor = spec.attentionFactor();
                set(table, cosines + i, StrictMath.cos(angle) * factor);
                set(table, cosines + half + i, StrictMath.sin(angle) * factor);
            }
        }
    }

    private static void set(MemorySegment table, long index, double value) {
        table.set(ValueLayout.JAVA_FLOAT, index * Float.BYTES, (float) value);
    }
}
