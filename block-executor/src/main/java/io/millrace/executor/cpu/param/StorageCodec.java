package io.millrace.executor.cpu.param;

import io.millrace.memory.BFloat16;
import io.millrace.memory.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Widens stored parameters to float32 and narrows them back. Narrowing rounds to nearest even,
 * keeps NaN a NaN and overflows to infinity, so a value that is already of the storage dtype stays
 * as it is. An instance owns a small buffer and belongs to one thread.
 */
public final class StorageCodec {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;

    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final short[] halves;

    /**
     * A codec for calls of at most so many elements.
     *
     * @param capacity elements
     */
    public StorageCodec(int capacity) {
        halves = new short[capacity];
    }

    /**
     * Reads stored elements as float32.
     *
     * @param bytes the storage
     * @param offset byte offset of the first element, of any alignment
     * @param dtype F32, F16 or BF16
     * @param values receives the elements from index {@code start}
     * @param start first index written
     * @param count how many, at most the capacity
     */
    public void load(
            MemorySegment bytes, long offset, DType dtype, float[] values, int start, int count) {
        if (dtype == DType.F32) {
            MemorySegment.copy(bytes, FLOAT, offset, values, start, count);
            return;
        }
        MemorySegment.copy(bytes, SHORT, offset, halves, 0, count);
        widen(requireHalf(dtype), values, start, count);
    }

    /**
     * Writes float32 values as stored elements.
     *
     * @param bytes the storage
     * @param offset byte offset of the first element, of any alignment
     * @param dtype F32, F16 or BF16
     * @param values the values from index {@code start}
     * @param start first index read
     * @param count how many, at most the capacity
     */
    public void store(
            MemorySegment bytes, long offset, DType dtype, float[] values, int start, int count) {
        if (dtype == DType.F32) {
            MemorySegment.copy(values, start, bytes, FLOAT, offset, count);
            return;
        }
        if (requireHalf(dtype) == DType.BF16) {
            narrowBFloat16(values, start, count);
        } else {
            for (int i = 0; i < count; i++) {
                halves[i] = Float.floatToFloat16(values[start + i]);
            }
        }
        MemorySegment.copy(halves, 0, bytes, SHORT, offset, count);
    }

    /**
     * Writes float32 values as stored elements, and leaves in their place what was stored: {@link
     * #roundNearest} and {@link #store} in one.
     *
     * @param bytes the storage
     * @param offset byte offset of the first element, of any alignment
     * @param dtype F32, F16 or BF16
     * @param values the values from index 0
     * @param count how many, at most the capacity
     */
    void storeRounded(MemorySegment bytes, long offset, DType dtype, float[] values, int count) {
        store(bytes, offset, dtype, values, 0, count);
        if (dtype != DType.F32) {
            widen(dtype, values, 0, count);
        }
    }

    /**
     * Rounds values in place to the nearest that the dtype can store.
     *
     * @param dtype F32 (nothing happens), F16 or BF16
     * @param values the values
     * @param start first index
     * @param count how many, at most the capacity
     */
    public void roundNearest(DType dtype, float[] values, int start, int count) {
        if (dtype == DType.F32) {
            return;
        }
        if (requireHalf(dtype) == DType.BF16) {
            narrowBFloat16(values, start, count);
            widenBFloat16(values, start, count);
        } else {
            for (int i = 0; i < count; i++) {
                values[start + i] = Float.float16ToFloat(Float.floatToFloat16(values[start + i]));
            }
        }
    }

    private static DType requireHalf(DType dtype) {
        if (dtype != DType.F16 && dtype != DType.BF16) {
            throw new IllegalArgumentException("parameters are not stored as " + dtype);
        }
        return dtype;
    }

    private void widen(DType dtype, float[] values, int start, int count) {
        if (dtype == DType.BF16) {
            widenBFloat16(values, start, count);
        } else {
            for (int i = 0; i < count; i++) {
                values[start + i] = Float.float16ToFloat(halves[i]);
            }
        }
    }

    private void widenBFloat16(float[] values, int start, int count) {
        int i = 0;
        for (; i <= count - INTS.length(); i += INTS.length()) {
            BFloat16.toFloats(ShortVector.fromArray(BFloat16.SHORTS, halves, i))
                    .intoArray(values, start + i);
        }
        for (; i < count; i++) {
            values[start + i] = BFloat16.toFloat(halves[i]);
        }
    }

    private void narrowBFloat16(float[] values, int start, int count) {
        int i = 0;
        for (; i <= count - INTS.length(); i += INTS.length()) {
            BFloat16.of(FloatVector.fromArray(FLOATS, values, start + i)).intoArray(halves, i);
        }
        for (; i < count; i++) {
            halves[i] = BFloat16.of(values[start + i]);
        }
    }
}
