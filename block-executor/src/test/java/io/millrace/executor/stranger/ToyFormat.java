package io.millrace.executor.stranger;

import io.millrace.memory.UnitFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Thirty-two small integers, and behind them the float32 that all are multiplied with. */
public final class ToyFormat implements UnitFormat {
    static final String NAME = "TOY_Q8";

    private static final int ELEMENTS = 32;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public int unitElements() {
        return ELEMENTS;
    }

    @Override
    public int unitBytes() {
        return ELEMENTS + Float.BYTES;
    }

    @Override
    public void load(
            MemorySegment bytes, long offset, long first, float[] values, int start, int count) {
        for (int i = 0; i < count; i++) {
            long element = first + i;
            long unit = offset + element / ELEMENTS * unitBytes();
            values[start + i] =
                    bytes.get(ValueLayout.JAVA_BYTE, unit + element % ELEMENTS)
                            * bytes.get(FLOAT, unit + ELEMENTS);
        }
    }

    /** Whole units of what is nearest. */
    static byte[] store(float[] values) {
        int unitBytes = ELEMENTS + Float.BYTES;
        byte[] stored = new byte[values.length / ELEMENTS * unitBytes];
        MemorySegment bytes = MemorySegment.ofArray(stored);
        for (int unit = 0; unit < values.length / ELEMENTS; unit++) {
            float largest = Float.MIN_NORMAL;
            for (int i = 0; i < ELEMENTS; i++) {
                largest = Math.max(largest, Math.abs(values[unit * ELEMENTS + i]));
            }
            float scale = largest / Byte.MAX_VALUE;
            for (int i = 0; i < ELEMENTS; i++) {
                byte nearest = (byte) Math.round(values[unit * ELEMENTS + i] / scale);
                bytes.set(ValueLayout.JAVA_BYTE, (long) unit * unitBytes + i, nearest);
            }
            bytes.set(FLOAT, (long) unit * unitBytes + ELEMENTS, scale);
        }
        return stored;
    }
}
