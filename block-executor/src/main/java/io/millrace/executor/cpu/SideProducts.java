package io.millrace.executor.cpu;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** The thin products beside a product with weights; offsets, widths and strides in floats. */
public final class SideProducts {
    private static final int UNROLL = 4;

    private SideProducts() {}

    /**
     * {@code p[row, j] = Σ_c x[row, c] · f[j, c]}.
     *
     * @param x [rows, columns]
     * @param xOffset floats before x
     * @param xStride floats from a row of x to the next
     * @param rows how many
     * @param columns length of the sums
     * @param f [rank, columns], contiguous
     * @param fOffset floats before f
     * @param rank columns of p
     * @param p [rows, rank], contiguous
     * @param pOffset floats before p
     */
    public static void project(
            MemorySegment x,
            long xOffset,
            long xStride,
            int rows,
            int columns,
            MemorySegment f,
            long fOffset,
            int rank,
            MemorySegment p,
            long pOffset) {
        for (int row = 0; row < rows; row++) {
            for (int j = 0; j < rank; j++) {
                float sum = dot(x, xOffset + row * xStride, f, fOffset + (long) j * columns, columns);
                Floats.set(p, pOffset + (long) row * rank + j, sum);
            }
        }
    }

    private static float dot(
            MemorySegment x, long xOffset, MemorySegment f, long fOffset, int count) {
        FloatVector a = FloatVector.zero(Lanes.SPECIES);
        FloatVector b = a;
        FloatVector c = a;
        FloatVector d = a;
        int length = Lanes.LENGTH;
        int i = 0;
        for (; i <= count - UNROLL * length; i += UNROLL * length) {
            long at = xOffset + i;
            long by = fOffset + i;
            a = Lanes.load(x, at).fma(Lanes.load(f, by), a);
            b = Lanes.load(x, at + length).fma(Lanes.load(f, by + length), b);
            c = Lanes.load(x, at + 2L * length).fma(Lanes.load(f, by + 2L * length), c);
            d = Lanes.load(x, at + 3L * length).fma(Lanes.load(f, by + 3L * length), d);
        }
        for (; i <= count - length; i += length) {
            a = Lanes.load(x, xOffset + i).fma(Lanes.load(f, fOffset + i), a);
        }
        if (i < count) {
            VectorMask<Float> tail = Lanes.tail(i, count);
            FloatVector factor = Lanes.load(f, fOffset + i, tail);
            b = Lanes.load(x, xOffset + i, tail).fma(factor, b);
        }
        return Lanes.sum(a.add(b).add(c.add(d)));
    }

    /**
     * {@code t = decay · base[row, c] + bias[c] + Σ_j p[row, j] · f[j, c]}, then {@code out = t} or
     * {@code out += t}.
     *
     * @param base [rows, columns]
     * @param baseOffset floats before it
     * @param baseStride floats from a row to the next
     * @param rows how many
     * @param columns how many
     * @param decay factor on the base
     * @param bias [columns], or null
     * @param biasOffset floats before it
     * @param p [rows, rank], contiguous
     * @param pOffset floats before it
     * @param rank length of the sums
     * @param f [rank, fStride]; its first columns are those of the base
     * @param fOffset floats before it
     * @param fStride floats from a row of f to the next
     * @param accumulate whether to add to what out holds
     * @param out [rows, columns]; may be the base itself
     * @param outOffset floats before it
     * @param outStride floats from a row to the next
     */
    public static void add(
            MemorySegment base,
            long baseOffset,
            long baseStride,
            int rows,
            int columns,
            float decay,
            MemorySegment bias,
            long biasOffset,
            MemorySegment p,
            long pOffset,
            int rank,
            MemorySegment f,
            long fOffset,
            long fStride,
            boolean accumulate,
            MemorySegment out,
            long outOffset,
            long outStride) {
        for (int row = 0; row < rows; row++) {
            long from = baseOffset + row * baseStride;
            long to = outOffset + row * outStride;
            long products = pOffset + (long) row * rank;
            int c = 0;
            for (; c <= columns - Lanes.LENGTH; c += Lanes.LENGTH) {
                FloatVector t = Lanes.load(base, from + c);
                if (decay != 1f) {
                    t = t.mul(decay);
                }
                if (bias != null) {
                    t = t.add(Lanes.load(bias, biasOffset + c));
                }
                for (int j = 0; j < rank; j++) {
                    FloatVector factor = Lanes.load(f, fOffset + j * fStride + c);
                    t = factor.fma(Lanes.broadcast(Floats.get(p, products + j)), t);
                }
                if (accumulate) {
                    t = Lanes.load(out, to + c).add(t);
                }
                Lanes.store(t, out, to + c);
            }
            if (c < columns) {
                VectorMask<Float> tail = Lanes.tail(c, columns);
                FloatVector t = Lanes.load(base, from + c, tail);
                if (decay != 1f) {
                    t = t.mul(decay);
                }
                if (bias != null) {
                    t = t.add(Lanes.load(bias, biasOffset + c, tail));
                }
                for (int j = 0; j < rank; j++) {
                    FloatVector factor = Lanes.load(f, fOffset + j * fStride + c, tail);
                    t = factor.fma(Lanes.broadcast(Floats.get(p, products + j)), t);
                }
                if (accumulate) {
                    t = Lanes.load(out, to + c, tail).add(t);
                }
                Lanes.store(t, out, to + c, tail);
            }
        }
    }
}
