package io.millrace.executor.cpu.op;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** Moves and sums of rows; offsets, widths and strides in floats. */
public final class Rows {
    /** What {@link #poison} writes: a NaN that no arithmetic makes. */
    public static final int POISON_BITS = 0x7fc0_dead;

    private Rows() {}

    /** {@code out[i] = in[i]}. */
    public static void copy(
            MemorySegment in, long inOffset, MemorySegment out, long outOffset, long count) {
        MemorySegment.copy(
                in, inOffset * Float.BYTES, out, outOffset * Float.BYTES, count * Float.BYTES);
    }

    /** Copies columns: {@code width} floats of each row, from one stride to another. */
    public static void copyColumns(
            MemorySegment in,
            long inOffset,
            long inStride,
            MemorySegment out,
            long outOffset,
            long outStride,
            long rows,
            long width) {
        for (long row = 0; row < rows; row++) {
            copy(in, inOffset + row * inStride, out, outOffset + row * outStride, width);
        }
    }

    /** {@code first[i] = in[2i]}, {@code second[i] = in[2i + 1]}. */
    public static void part(
            MemorySegment in,
            long inOffset,
            MemorySegment first,
            long firstOffset,
            MemorySegment second,
            long secondOffset,
            long count) {
        for (long i = 0; i < count; i++) {
            CheckedFloats.set(first, firstOffset + i, CheckedFloats.get(in, inOffset + 2 * i));
            CheckedFloats.set(
                    second, secondOffset + i, CheckedFloats.get(in, inOffset + 2 * i + 1));
        }
    }

    /** {@code out[2i] = first[i]}, {@code out[2i + 1] = second[i]}: {@link #part} undone. */
    public static void join(
            MemorySegment first,
            long firstOffset,
            MemorySegment second,
            long secondOffset,
            MemorySegment out,
            long outOffset,
            long count) {
        for (long i = 0; i < count; i++) {
            CheckedFloats.set(out, outOffset + 2 * i, CheckedFloats.get(first, firstOffset + i));
            CheckedFloats.set(
                    out, outOffset + 2 * i + 1, CheckedFloats.get(second, secondOffset + i));
        }
    }

    /** {@code out[i] += in[i]}: the residual sum. */
    public static void add(
            MemorySegment in, long inOffset, MemorySegment out, long outOffset, long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector sum =
                    VectorLanes.load(out, outOffset + i).add(VectorLanes.load(in, inOffset + i));
            VectorLanes.store(sum, out, outOffset + i);
        }
        if (i < count) {
            VectorMask<Float> tail = VectorLanes.tail(i, count);
            FloatVector sum =
                    VectorLanes.load(out, outOffset + i, tail)
                            .add(VectorLanes.load(in, inOffset + i, tail));
            VectorLanes.store(sum, out, outOffset + i, tail);
        }
    }

    /** {@code out[i] = fma(factor, in[i], out[i])}. */
    public static void addScaled(
            float factor,
            MemorySegment in,
            long inOffset,
            MemorySegment out,
            long outOffset,
            long count) {
        FloatVector factors = VectorLanes.broadcast(factor);
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector sum =
                    VectorLanes.load(in, inOffset + i)
                            .fma(factors, VectorLanes.load(out, outOffset + i));
            VectorLanes.store(sum, out, outOffset + i);
        }
        if (i < count) {
            VectorMask<Float> tail = VectorLanes.tail(i, count);
            FloatVector sum =
                    VectorLanes.load(in, inOffset + i, tail)
                            .fma(factors, VectorLanes.load(out, outOffset + i, tail));
            VectorLanes.store(sum, out, outOffset + i, tail);
        }
    }

    /** {@code out[row, i] += bias[i]}, for products that could not take the bias along. */
    public static void addBias(
            MemorySegment bias,
            long biasOffset,
            MemorySegment out,
            long outOffset,
            long outStride,
            long rows,
            long width) {
        for (long row = 0; row < rows; row++) {
            add(bias, biasOffset, out, outOffset + row * outStride, width);
        }
    }

    /** {@code out[i] *= in[i]}. */
    public static void multiply(
            MemorySegment in, long inOffset, MemorySegment out, long outOffset, long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector product =
                    VectorLanes.load(out, outOffset + i).mul(VectorLanes.load(in, inOffset + i));
            VectorLanes.store(product, out, outOffset + i);
        }
        if (i < count) {
            VectorMask<Float> tail = VectorLanes.tail(i, count);
            FloatVector product =
                    VectorLanes.load(out, outOffset + i, tail)
                            .mul(VectorLanes.load(in, inOffset + i, tail));
            VectorLanes.store(product, out, outOffset + i, tail);
        }
    }

    /** {@code out[i] *= factor}. */
    public static void scale(float factor, MemorySegment out, long outOffset, long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            VectorLanes.store(VectorLanes.load(out, outOffset + i).mul(factor), out, outOffset + i);
        }
        if (i < count) {
            VectorMask<Float> tail = VectorLanes.tail(i, count);
            FloatVector v = VectorLanes.load(out, outOffset + i, tail);
            VectorLanes.store(v.mul(factor), out, outOffset + i, tail);
        }
    }

    /**
     * Embeds tokens: {@code out[t] = scale · table[ids[t]]}.
     *
     * @param table rows of {@code width} floats
     * @param tableOffset floats before row 0
     * @param tableRows how many there are; an id outside is an IndexOutOfBoundsException
     * @param ids which row for each token
     * @param from the first token
     * @param to past the last token; token t goes to row t of out
     * @param width floats of a row
     * @param scale factor, 1 for a plain copy
     * @param out where to
     * @param outOffset floats before row 0
     * @param outStride floats from a row to the next
     */
    public static void gather(
            MemorySegment table,
            long tableOffset,
            int tableRows,
            int[] ids,
            int from,
            int to,
            long width,
            float scale,
            MemorySegment out,
            long outOffset,
            long outStride) {
        for (int t = from; t < to; t++) {
            long row = Objects.checkIndex(ids[t], tableRows);
            copy(table, tableOffset + row * width, out, outOffset + t * outStride, width);
            if (scale != 1f) {
                scale(scale, out, outOffset + t * outStride, width);
            }
        }
    }

    /**
     * {@code out[t] += table[ids[t] + idOffset]}, as {@link #gather}: positions on top of tokens.
     */
    public static void gatherAdd(
            MemorySegment table,
            long tableOffset,
            int tableRows,
            int[] ids,
            int idOffset,
            int from,
            int to,
            long width,
            MemorySegment out,
            long outOffset,
            long outStride) {
        for (int t = from; t < to; t++) {
            long row = Objects.checkIndex(ids[t] + idOffset, tableRows);
            add(table, tableOffset + row * width, out, outOffset + t * outStride, width);
        }
    }

    /** {@code out[i] = 0}. */
    public static void zero(MemorySegment out, long outOffset, long count) {
        out.asSlice(outOffset * Float.BYTES, count * Float.BYTES).fill((byte) 0);
    }

    /** Fills with a NaN, so that a read of what nobody wrote shows in the result. */
    public static void poison(MemorySegment out, long outOffset, long count) {
        for (long i = outOffset; i < outOffset + count; i++) {
            out.set(ValueLayout.JAVA_INT, i * Integer.BYTES, POISON_BITS);
        }
    }
}
