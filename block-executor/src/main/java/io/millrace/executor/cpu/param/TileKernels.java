package io.millrace.executor.cpu.param;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** The float32 loops of the parameter pass over tiles that lie in the first-level cache. */
final class TileKernels {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private TileKernels() {}

    /** p ← factor · p */
    static void scale(float[] p, int count, float factor) {
        product(p, p, count, factor);
    }

    /** to ← factor · p */
    static void product(float[] to, float[] p, int count, float factor) {
        int i = 0;
        for (; i <= count - FLOATS.length(); i += FLOATS.length()) {
            FloatVector.fromArray(FLOATS, p, i).mul(factor).intoArray(to, i);
        }
        for (; i < count; i++) {
            to[i] = factor * p[i];
        }
    }

    /** p ← p + sum */
    static void plus(float[] p, float[] sum, int count) {
        int i = 0;
        for (; i <= count - FLOATS.length(); i += FLOATS.length()) {
            FloatVector summand = FloatVector.fromArray(FLOATS, sum, i);
            FloatVector.fromArray(FLOATS, p, i).add(summand).intoArray(p, i);
        }
        for (; i < count; i++) {
            p[i] += sum[i];
        }
    }

    /** p ← p + fma(factor, z, 0): the bits of {@link #add} to a sum from 0 on, and {@link #plus} */
    static void addProduct(float[] p, float[] z, int count, float factor) {
        FloatVector factors = FloatVector.broadcast(FLOATS, factor);
        FloatVector zero = FloatVector.zero(FLOATS);
        int i = 0;
        for (; i <= count - FLOATS.length(); i += FLOATS.length()) {
            FloatVector product = factors.fma(FloatVector.fromArray(FLOATS, z, i), zero);
            FloatVector.fromArray(FLOATS, p, i).add(product).intoArray(p, i);
        }
        for (; i < count; i++) {
            p[i] += Math.fma(factor, z[i], 0f);
        }
    }

    /**
     * The same where |p| ≤ limit; elsewhere p stays: the bits of {@link #addProduct} with z cleared
     * there, as no p above a limit is a zero, whose sign a sum would change.
     */
    static void addProductSmall(float limit, float[] p, float[] z, int count, float factor) {
        FloatVector limits = FloatVector.broadcast(FLOATS, limit);
        FloatVector factors = FloatVector.broadcast(FLOATS, factor);
        FloatVector zero = FloatVector.zero(FLOATS);
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += FLOATS.length()) {
            FloatVector old = FloatVector.fromArray(FLOATS, p, i);
            FloatVector product = factors.fma(FloatVector.fromArray(FLOATS, z, i), zero);
            old.add(product, old.abs().compare(VectorOperators.LE, limits)).intoArray(p, i);
        }
        for (int i = whole; i < count; i++) {
            if (Math.abs(p[i]) <= limit) {
                p[i] += Math.fma(factor, z[i], 0f);
            }
        }
    }

    /** p ← fma(factor, z, p) */
    static void add(float[] p, float[] z, int count, float factor) {
        FloatVector factors = FloatVector.broadcast(FLOATS, factor);
        int i = 0;
        for (; i <= count - FLOATS.length(); i += FLOATS.length()) {
            FloatVector sum = FloatVector.fromArray(FLOATS, p, i);
            factors.fma(FloatVector.fromArray(FLOATS, z, i), sum).intoArray(p, i);
        }
        for (; i < count; i++) {
            p[i] = Math.fma(factor, z[i], p[i]);
        }
    }

    /** p ← fma(factor, row, p) from an index on, the row in float32 memory from an element on */
    static void add(float[] p, int start, MemorySegment row, long first, int count, float factor) {
        FloatVector factors = FloatVector.broadcast(FLOATS, factor);
        int i = 0;
        for (; i <= count - FLOATS.length(); i += FLOATS.length()) {
            FloatVector values =
                    FloatVector.fromMemorySegment(
                            FLOATS, row, (first + i) * Float.BYTES, ByteOrder.LITTLE_ENDIAN);
            FloatVector sum = FloatVector.fromArray(FLOATS, p, start + i);
            factors.fma(values, sum).intoArray(p, start + i);
        }
        for (; i < count; i++) {
            float value = row.get(FLOAT, (first + i) * Float.BYTES);
            p[start + i] = Math.fma(factor, value, p[start + i]);
        }
    }

    /** out ← fma(scale, z, p) */
    static void perturb(
            float scale, float[] z, float[] p, int count, MemorySegment out, long offset) {
        FloatVector scales = FloatVector.broadcast(FLOATS, scale);
        int i = 0;
        for (; i <= count - FLOATS.length(); i += FLOATS.length()) {
            FloatVector sum = FloatVector.fromArray(FLOATS, p, i);
            scales.fma(FloatVector.fromArray(FLOATS, z, i), sum)
                    .intoMemorySegment(
                            out, offset + (long) i * Float.BYTES, ByteOrder.LITTLE_ENDIAN);
        }
        for (; i < count; i++) {
            out.set(FLOAT, offset + (long) i * Float.BYTES, Math.fma(scale, z[i], p[i]));
        }
    }

    /**
     * Both signs of a two-sided query in one pass over z and p: out₊ ← fma(scale, z, p), out₋ ←
     * fma(−scale, z, p), each with the bits of {@link #perturb}.
     */
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
            long skip = (long) i * Float.BYTES;
            up.fma(direction, centre)
                    .intoMemorySegment(plus, plusOffset + skip, ByteOrder.LITTLE_ENDIAN);
            down.fma(direction, centre)
                    .intoMemorySegment(minus, minusOffset + skip, ByteOrder.LITTLE_ENDIAN);
        }
        for (int i = whole; i < count; i++) {
            long skip = (long) i * Float.BYTES;
            plus.set(FLOAT, plusOffset + skip, Math.fma(scale, z[i], p[i]));
            minus.set(FLOAT, minusOffset + skip, Math.fma(-scale, z[i], p[i]));
        }
    }

    /** The same along z where |p| ≤ limit; elsewhere both are p, as with z cleared there. */
    static void perturbBothSmall(
            float limit,
            float scale,
            float[] z,
            float[] p,
            int count,
            MemorySegment plus,
            long plusOffset,
            MemorySegment minus,
            long minusOffset) {
        FloatVector limits = FloatVector.broadcast(FLOATS, limit);
        FloatVector up = FloatVector.broadcast(FLOATS, scale);
        FloatVector down = FloatVector.broadcast(FLOATS, -scale);
        int whole = FLOATS.loopBound(count);
        for (int i = 0; i < whole; i += FLOATS.length()) {
            FloatVector centre = FloatVector.fromArray(FLOATS, p, i);
            FloatVector direction = FloatVector.fromArray(FLOATS, z, i);
            VectorMask<Float> small = centre.abs().compare(VectorOperators.LE, limits);
            long skip = (long) i * Float.BYTES;
            centre.blend(up.fma(direction, centre), small)
                    .intoMemorySegment(plus, plusOffset + skip, ByteOrder.LITTLE_ENDIAN);
            centre.blend(down.fma(direction, centre), small)
                    .intoMemorySegment(minus, minusOffset + skip, ByteOrder.LITTLE_ENDIAN);
        }
        for (int i = whole; i < count; i++) {
            long skip = (long) i * Float.BYTES;
            float along = Math.abs(p[i]) <= limit ? z[i] : 0f;
            plus.set(FLOAT, plusOffset + skip, Math.fma(scale, along, p[i]));
            minus.set(FLOAT, minusOffset + skip, Math.fma(-scale, along, p[i]));
        }
    }
}
