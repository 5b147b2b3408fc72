package io.millrace.executor.cpu.param;

import io.millrace.memory.BFloat16;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** θ + s z, rounded to bfloat16 as products read it. */
final class BFloat16Forms {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private BFloat16Forms() {}

    /** out ← fma(scale, z, p), rounded */
    static void perturb(
            float scale, float[] z, float[] p, int count, MemorySegment out, long offset) {
        FloatVector scales = FloatVector.broadcast(FLOATS, scale);
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += FLOATS.length()) {
            FloatVector centre = FloatVector.fromArray(FLOATS, p, i);
            BFloat16.of(scales.fma(FloatVector.fromArray(FLOATS, z, i), centre))
                    .intoMemorySegment(
                            out, offset + (long) i * Short.BYTES, ByteOrder.LITTLE_ENDIAN);
        }
        for (int i = whole; i < count; i++) {
            out.set(
                    SHORT,
                    offset + (long) i * Short.BYTES,
                    BFloat16.of(Math.fma(scale, z[i], p[i])));
        }
    }

    /** Both signs in one pass over z and p, each with the bits of {@link #perturb}. */
    static void perturbBoth(
            float scale,
            float[] z,
            float[] p,
            int count,
            MemorySegment plus,
            long plusOffset,
            MemorySegment minus,
            long minusOffset) {
        FloatVector up = FloatVector.broadcast(FLOATS, scale);
        FloatVector down = FloatVector.broadcast(FLOATS, -scale);
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += FLOATS.length()) {
            FloatVector centre = FloatVector.fromArray(FLOATS, p, i);
            FloatVector direction = FloatVector.fromArray(FLOATS, z, i);
            long skip = (long) i * Short.BYTES;
            BFloat16.of(up.fma(direction, centre))
                    .intoMemorySegment(plus, plusOffset + skip, ByteOrder.LITTLE_ENDIAN);
            BFloat16.of(down.fma(direction, centre))
                    .intoMemorySegment(minus, minusOffset + skip, ByteOrder.LITTLE_ENDIAN);
        }
        for (int i = whole; i < count; i++) {
            long skip = (long) i * Short.BYTES;
            plus.set(SHORT, plusOffset + skip, BFloat16.of(Math.fma(scale, z[i], p[i])));
            minus.set(SHORT, minusOffset + skip, BFloat16.of(Math.fma(-scale, z[i], p[i])));
        }
    }
}
