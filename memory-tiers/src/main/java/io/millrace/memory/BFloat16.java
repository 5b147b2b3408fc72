package io.millrace.memory;

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
 * bfloat16 and float32: widening is exact; rounding is to nearest even: NaN stays a NaN, and what
 * exceeds the largest value becomes infinite. Subnormal numbers are kept.
 */
public final class BFloat16 {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;

    /** As many as a vector of floats has. */
    public static final VectorSpecies<Short> SHORTS =
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
    public static short of(float value) {
        int bits = Float.floatToRawIntBits(value);
        return Float.isNaN(value)
                ? (short) ((bits >>> 16) | QUIET)
                : (short) ((bits + ((bits >>> 16) & 1) + HALF) >>> 16);
    }

    /** The bits of the nearest values. */
    public static ShortVector of(FloatVector value) {
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

    /** The value of some bits. */
    public static float toFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** The values of some bits. */
    public static FloatVector toFloats(ShortVector bits) {
        return ((IntVector) bits.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0))
                .lanewise(VectorOperators.LSHL, 16)
                .reinterpretAsFloats();
    }

    /**
     * {@code out[i] = in[i]}, as float32.
     *
     * @param in bfloat16
     * @param out float32
     * @param count elements
     */
    public static void widen(MemorySegment in, MemorySegment out, long count) {
        long whole = FLOATS.loopBound(count);
        for (long i = 0; i < whole; i += FLOATS.length()) {
            toFloats(
                            ShortVector.fromMemorySegment(
                                    SHORTS, in, i * Short.BYTES, ByteOrder.LITTLE_ENDIAN))
                    .intoMemorySegment(out, i * Float.BYTES, ByteOrder.LITTLE_ENDIAN);
        }
        for (long i = whole; i < count; i++) {
            out.set(FLOAT, i * Float.BYTES, toFloat(in.get(SHORT, i * Short.BYTES)));
        }
    }
}
