package io.millrace.model.file;

import io.millrace.memory.BFloat16;
import io.millrace.memory.DType;
import io.millrace.memory.TensorFormat;
import io.millrace.memory.UnitFormat;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Conversions and checks over the elements of a tensor, at the speed of memory. */
public final class Elements {
    public static final ValueLayout.OfLong LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    public static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    private static final VectorSpecies<Long> LONGS = LongVector.SPECIES_PREFERRED;
    private static final int LOADED_AT_ONCE = 4096;

    private Elements() {}

    /**
     * Converts between F32, F16 and BF16, rounding to nearest, ties to even. The segments may not
     * overlap.
     *
     * @param src {@code count} elements of {@code from}
     * @param dst room for {@code count} elements of {@code to}
     */
    public static void convert(
            MemorySegment src, DType from, MemorySegment dst, DType to, long count) {
        if (from == to) {
            MemorySegment.copy(src, 0, dst, 0, count * from.sizeBytes());
        } else if (from == DType.BF16 && to == DType.F32) {
            BFloat16.widen(src, dst, count);
        } else if (from == DType.F32 && to == DType.BF16) {
            BFloat16.round(src, 0, dst, 0, count);
        } else if (from == DType.F16 && to == DType.F32) {
            for (long i = 0; i < count; i++) {
                dst.set(FLOAT, i * 4, Float.float16ToFloat(src.get(SHORT, i * 2)));
            }
        } else if (from == DType.F32 && to == DType.F16) {
            for (long i = 0; i < count; i++) {
                dst.set(SHORT, i * 2, Float.floatToFloat16(src.get(FLOAT, i * 4)));
            }
        } else if (from == DType.BF16 && to == DType.F16) {
            for (long i = 0; i < count; i++) {
                float value = BFloat16.toFloat(src.get(SHORT, i * 2));
                dst.set(SHORT, i * 2, Float.floatToFloat16(value));
            }
        } else if (from == DType.F16 && to == DType.BF16) {
            for (long i = 0; i < count; i++) {
                float value = Float.float16ToFloat(src.get(SHORT, i * 2));
                dst.set(SHORT, i * 2, BFloat16.of(value));
            }
        } else {
            throw new IllegalArgumentException("cannot convert " + from + " to " + to);
        }
    }

    /**
     * Whether some elements are no numbers. What is packed was looked at when it was read first,
     * and does not change.
     */
    public static boolean isNonFinite(MemorySegment elements, TensorFormat format) {
        return format instanceof UnitFormat units && firstNonFinite(elements, units) >= 0;
    }

    /**
     * The index of the first element that is infinite or not a number, or −1.
     *
     * @param elements whole units of the format
     * @param format of weights
     */
    public static long firstNonFinite(MemorySegment elements, UnitFormat format) {
        if (format instanceof DType dtype) {
            return firstNonFinite(elements, dtype);
        }
        long count = elements.byteSize() / format.unitBytes() * format.unitElements();
        float[] values = new float[LOADED_AT_ONCE];
        for (long first = 0; first < count; first += values.length) {
            int part = (int) Math.min(values.length, count - first);
            format.load(elements, 0, first, values, 0, part);
            for (int i = 0; i < part; i++) {
                if (!Float.isFinite(values[i])) {
                    return first + i;
                }
            }
        }
        return -1;
    }

    private static long firstNonFinite(MemorySegment elements, DType dtype) {
        // An exponent of all ones, and only that, carries into the sign's place when its lowest
        // bit is added. Of whole numbers all bits are a number.
        long exponent =
                switch (dtype) {
                    case F32 -> 0x7F80_0000_7F80_0000L;
                    case BF16 -> 0x7F80_7F80_7F80_7F80L;
                    case F16 -> 0x7C00_7C00_7C00_7C00L;
                    case I64, I32, I16, I8, U8, BOOL -> 0;
                    case F64, F8_E4M3 ->
                            throw new IllegalArgumentException("cannot check " + dtype);
                };
        if (exponent == 0) {
            return -1;
        }
        long signs = dtype == DType.F32 ? 0x8000_0000_8000_0000L : 0x8000_8000_8000_8000L;
        long lowest = exponent & ~(exponent << 1);
        long bytes = elements.byteSize();
        long at = 0;
        if (bytes >= LONGS.vectorByteSize()) {
            LongVector found = LongVector.zero(LONGS);
            LongVector mask = LongVector.broadcast(LONGS, exponent);
            LongVector carry = LongVector.broadcast(LONGS, lowest);
            for (; at <= bytes - LONGS.vectorByteSize(); at += LONGS.vectorByteSize()) {
                LongVector bits = LongVector.fromMemorySegment(LONGS, elements, at, LITTLE);
                found = found.or(bits.and(mask).add(carry));
            }
            if ((found.reduceLanes(VectorOperators.OR) & signs) != 0) {
                at = 0; // somewhere before: look at each
            }
        }
        for (long i = at / dtype.sizeBytes(); i < bytes / dtype.sizeBytes(); i++) {
            if (!Float.isFinite(get(elements, dtype, i))) {
                return i;
            }
        }
        return -1;
    }

    /** One element as a float. */
    public static float get(MemorySegment elements, UnitFormat format, long index) {
        float[] one = new float[1];
        format.load(elements, 0, index, one, 0, 1);
        return one[0];
    }

    /** Stores one element, rounding to nearest even. */
    public static void set(MemorySegment elements, DType dtype, long index, float value) {
        switch (dtype) {
            case F32 -> elements.set(INT, index * 4, Float.floatToRawIntBits(value));
            case BF16 -> elements.set(SHORT, index * 2, BFloat16.of(value));
            case F16 -> elements.set(SHORT, index * 2, Float.floatToFloat16(value));
            case F64, F8_E4M3, I64, I32, I16, I8, U8, BOOL ->
                    throw new IllegalArgumentException("no float is stored as " + dtype);
        }
    }
}
