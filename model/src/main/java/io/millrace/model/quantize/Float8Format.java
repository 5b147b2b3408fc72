package io.millrace.model.quantize;

import io.millrace.memory.UnitFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A byte an element, as {@link Float8CodeBook} has it, with no scale. */
record Float8Format() implements UnitFormat {
    @Override
    public String name() {
        return "F8_E4M3";
    }

    @Override
    public int unitElements() {
        return 1;
    }

    @Override
    public int unitBytes() {
        return 1;
    }

    @Override
    public void load(
            MemorySegment bytes, long offset, long first, float[] values, int start, int count) {
        for (int i = 0; i < count; i++) {
            values[start + i] =
                    Float8CodeBook.decode(
                            Byte.toUnsignedInt(
                                    bytes.get(ValueLayout.JAVA_BYTE, offset + first + i)));
        }
    }
}
