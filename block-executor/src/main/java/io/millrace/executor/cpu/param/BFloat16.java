package io.millrace.executor.cpu.param;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Rounding to bfloat16, to nearest even: NaN stays a NaN, and what exceeds the largest value
 * becomes infinite. Subnormal numbers are kept.
 */
public final class BFloat16 {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    static final VectorSpecies<Short> SHORTS =
            VectorSpecies.of(
                    short.class, VectorShape.forBitSize(INTS.vectorBitSize() / 2)); // INTS.length()
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int HALF = 0x7FFF; // half a unit of what stays, less the tie's last bit
    private static final int QUIET = 0x40;

    private BFloat16() {}

    /** The bits of the nearest value. */
    static short of(float value) {
        int bits = Float.floatToRawIntBits(value);
        return Float.isNaN(value)
                ? (short) ((bits >>> 16) | QUIET)
                : (short) ((bits + ((bits >>> 16) & 1) + HALF) >>> 16);
    }

    /** The bits of the nearest values. */
    static ShortVector of(FloatVector value) {
        IntVector bits = value.reinterpretAsInts();
        IntVector upper = bits.lanewise(VectorOperators.LSHR, 16);
        IntVector nearest = bits.add(upper.and(1)).add(HALF).lanewise(VectorOperators.LSHR, 16);
        VectorMask<Integer> nan = value.test(VectorOperators.IS_NAN).cast(INTS);
        return (ShortVector)
                nearest.blend(upper.or(QUIET), nan).convertShape(VectorOperators.I2S, SHORTS, 0);
    }

    /**
     * {@code out[i] = in[i]}, rounded.
     *
     * @param in float32
     * @param inOffset bytes before the first
     * @param out bfloat16
     * @param outOffset bytes before the first
     * @param count elements
     */
    public static void round(
            MemorySegment in, long inOffset, MemorySegment out, long outOffset, long count) {
        long whole = FLOATS.loopBound(count);
        for (long i = 0; i < whole; i += FLOATS.length()) {
            FloatVector value =
                    FloatVector.fromMemorySegment(
                            FLOATS, in, inOffset + i * Float.BYTES, ByteOrder.LITTLE_ENDIAN);
            of(value).intoMemorySegment(out, outOffset + i * Short.BYTES, ByteOrder.LITTLE_ENDIAN);
        }
        for (long i = whole; i < count; i++) {
            out.set(
                    SHORT,
                    outOffset + i * Short.BYTES,
                    of(in.get(FLOAT, inOffset + i * Float.BYTES)));
        }
    }

    /** out ← fma(scale, z, p), rounded */
    static void perturb(
            float scale, float[] z, float[] p, int count, MemorySegment out, long offset) {
        FloatVector scales = FloatVector.broadcast(FLOATS, scale);
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += FLOATS.length()) {
            FloatVector centre = FloatVector.fromArray(FLOATS, p, i);
            of(scales.fma(FloatVector.fromArray(FLOATS, z, i), centre))
                    .intoMemorySegment(
                            out, offset + (long) i * Short.BYTES, ByteOrder.LITTLE_ENDIAN);
        }
        for (int i = whole; i < count; i++) {
            out.set(SHORT, offset + (long) i * Short.BYTES, of(Math.fma(scale, z[i], p[i])));
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
            of(up.fma(direction, centre))
                    .intoMemorySegment(plus, plusOffset + skip, ByteOrder.LITTLE_ENDIAN);
            of(down.fma(direction, centre))
                    .intoMemorySegment(minus, minusOffset + skip, ByteOrder.LITTLE_ENDIAN);
        }
        for (int i = whole; i < count; i++) {
            long skip = (long) i * Short.BYTES;
            plus.set(SHORT, plusOffset + skip, of(Math.fma(scale, z[i], p[i])));
            minus.set(SHORT, minusOffset + skip, of(Math.fma(-scale, z[i], p[i])));
        }
    }
}
