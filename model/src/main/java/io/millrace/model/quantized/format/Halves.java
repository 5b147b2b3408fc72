package io.millrace.model.quantized.format;

import io.millrace.memory.DType;
import io.millrace.model.file.Elements;
import java.lang.foreign.MemorySegment;

/** Many numbers of a part at once. For use by one thread. */
final class Halves {
    private short[] halves = new short[0];

    /** Elements of an array of F32, F16 or BF16 as float32. */
    void load(
            MemorySegment bytes,
            long offset,
            DType dtype,
            long first,
            int count,
            float[] to,
            int at) {
        if (dtype != DType.F16) {
            dtype.load(bytes, offset, first, to, at, count);
            return;
        }
        if (halves.length < count) {
            halves = new short[count];
        }
        MemorySegment.copy(bytes, Elements.SHORT, offset + first * Short.BYTES, halves, 0, count);
        for (int i = 0; i < count; i++) {
            to[at + i] = Float.float16ToFloat(halves[i]); // a loop that compilers know
        }
    }
}
