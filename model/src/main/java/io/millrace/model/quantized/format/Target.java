package io.millrace.model.quantized.format;

import io.millrace.memory.BFloat16;
import io.millrace.memory.DType;
import io.millrace.memory.TileReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;

/**
 * Where kernels put what they make: float32, or bfloat16 that it is rounded to. Positions are byte
 * offsets of a run's first element, and the element's index in it.
 */
final class Target {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    final MemorySegment memory;

    /** Whether elements are bfloat16. */
    final boolean rounds;

    /**
     * A place's memory.
     *
     * @throws IllegalArgumentException where it takes neither type
     */
    Target(TileReader.Place place) {
        if (place.type() != DType.F32 && place.type() != DType.BF16) {
            throw new IllegalArgumentException("tiles are not read as " + place.type());
        }
        memory = place.memory();
        rounds = place.type() == DType.BF16;
    }

    /** Bytes of an element. */
    int elementBytes() {
        return rounds ? Short.BYTES : Float.BYTES;
    }

    /** Puts one element. */
    void put(float value, long at, int index) {
        if (rounds) {
            memory.set(SHORT, at + (long) index * Short.BYTES, BFloat16.of(value));
        } else {
            memory.set(FLOAT, at + (long) index * Float.BYTES, value);
        }
    }

    /** Puts a vector of elements. */
    void put(FloatVector values, long at, int index) {
        if (rounds) {
            BFloat16.of(values)
                    .intoMemorySegment(
                            memory, at + (long) index * Short.BYTES, ByteOrder.LITTLE_ENDIAN);
        } else {
            values.intoMemorySegment(
                    memory, at + (long) index * Float.BYTES, ByteOrder.LITTLE_ENDIAN);
        }
    }
}
