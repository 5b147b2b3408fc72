package io.millrace.model.quantized.format;

import io.millrace.memory.BFloat16;
import io.millrace.memory.DType;
import io.millrace.model.file.Elements;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Single numbers of a part. */
final class Scales {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private Scales() {}

    /** An element of an array of F32, F16 or BF16 as float32. */
    static float get(MemorySegment bytes, long offset, DType dtype, long index) {
        if (dtype == DType.F32) {
            return bytes.get(FLOAT, offset + index * Float.BYTES);
        }
        short half = bytes.get(Elements.SHORT, offset + index * Short.BYTES);
        return dtype == DType.F16 ? Float.float16ToFloat(half) : BFloat16.toFloat(half);
    }
}
