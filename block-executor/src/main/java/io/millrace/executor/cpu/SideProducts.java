package io.millrace.executor.cpu;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** The thin products beside a product with weights; offsets, widths and strides in floats. */
public final class SideProducts {
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
            long from = xOffset + row * xStride;
            long to = pOffset + (long) row * rank;
            int j = 0;
            for (; j + 1 < rank; j += 2) {
                dotTwo(x, from, f, fOffset + (long) j * columns, columns, p, to + j);
            }
            if (j < rank) {
                float sum = dot(x, from, f, fOffset + (long) j * columns, columns);
                Floats.set(p, to + j, sum);
            }
        }
    }

    private static void dotTwo(
            MemorySegment x,
            long xOffset,
            MemorySegment f,
            long fOffset,
            int count,
            MemorySegment p,
            long pOffset) {
        FloatVector a = FloatVector.zero(Lanes.SPECIES);
        FloatVector b = a;
        FloatVector c = a;
        FloatVector d = a;
        int length = Lanes.LENGTH;
        long second = fOffset + count;
        int i = 0;
        for (; i <= count - 2 * length; i += 2 * length) {
            FloatVector low = Lanes.load(x, xOffset + i);
            FloatVector high = Lanes.load(x, xOffset + i + length);
            a = low.fma(Lanes.load(f, fOffset + i), a);
            b = high.fma(Lanes.load(f, fOffset + i + length), b);
            c = low.fma(Lanes.load(f, second + i), c);
            d = high.fma(Lanes.load(f, second + i + length), d);
        }
        for (; i < count; i += length) {
            VectorMask<Float> tail = Lanes.tail(i, count);
            FloatVector rest = Lanes.load(x, xOffset + i, tail);
            a = rest.fma(Lanes.load(f, fOffset + i, tail), a);
            c = rest.fma(Lanes.load(f, second + i, tail), c);
        }
        Floats.set(p, pOffset, Lanes.sum(a.add(b)));
        Floats.set(p, pOffset + 1, Lanes.sum(c.add(d)));
    }

    /** The same sum that a factor has beside another. */
    private static float dot(
            MemorySegment x, long xOffset, MemorySegment f, long fOffset, int count) {
        FloatVector a = FloatVector.zero(Lanes.SPECIES);
        FloatVector b = a;
        int length = Lanes.LENGTH;
        int i = 0;
        for (; i <= count - 2 * length; i += 2 * length) {
            a = Lanes.load(x, xOffset + i).fma(Lanes.load(f, fOffset + i), a);
            b = Lanes.load(x, xOffset + i + length).fma(Lanes.load(f, fOffset + i + length), b);
        }
        for (; i < count; i += length) {
            VectorMask<Float> tail = Lanes.tail(i, count);
            FloatVector rest = Lanes.load(x, xOffset + i, tail);
            a = rest.fma(Lanes.load(f, fOffset + i, tail), a);
        }
        return Lanes.sum(a.add(b));
    }

    /**
     * {@code t = decay · base[row, c] + bias[c] + Σ_j p[row, j] · f[j, c]}, then {@code out = t} or
     * {@code out += t}; what the base held is lost.
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
        for (int c = 0; c < columns; c += Lanes.LENGTH) {
            VectorMask<Float> mask = Lanes.tail(c, columns);
            FloatVector zero = FloatVector.zero(Lanes.SPECIES);
            FloatVector summand = bias == null ? zero : Lanes.load(bias, biasOffset + c, mask);
            long from = baseOffset + c;
            float factor = decay;
            // Two terms a pass; what lies between two passes is kept in the base's place.
            for (int j = 0; j < rank; j += 2) {
                boolean pair = j + 1 < rank;
                boolean last = j + 2 >= rank;
                FloatVector first = Lanes.load(f, fOffset + j * fStride + c, mask);
                FloatVector second =
                        pair ? Lanes.load(f, fOffset + (j + 1) * fStride + c, mask) : zero;
                addTwo(
                        base,
                        from,
                        baseStride,
                        rows,
                        mask,
                        factor,
                        summand,
                        first,
                        second,
                        p,
                        pOffset + j,
                        rank,
                        pair ? 1 : 0,
                        accumulate && last,
                        last ? out : base,
                        last ? outOffset + c : from,
                        last ? outStride : baseStride);
                factor = 1;
                summand = zero;
            }
        }
    }

    /** One vector of columns: {@code t = factor · base + summand + p first + p' second}. */
    private static void addTwo(
            MemorySegment base,
            long baseOffset,
            long baseStride,
            int rows,
            VectorMask<Float> mask,
            float factor,
            FloatVector summand,
            FloatVector first,
            FloatVector second,
            MemorySegment p,
            long pOffset,
            int pStride,
            int pSecond,
            boolean accumulate,
            MemorySegment out,
            long outOffset,
            long outStride) {
        for (int row = 0; row < rows; row++) {
            long products = pOffset + (long) row * pStride;
            long to = outOffset + row * outStride;
            FloatVector t = Lanes.load(base, baseOffset + row * baseStride, mask);
            t = t.mul(factor).add(summand);
            t = first.fma(Lanes.broadcast(Floats.get(p, products)), t);
            t = second.fma(Lanes.broadcast(Floats.get(p, products + pSecond)), t);
            if (accumulate) {
                t = Lanes.load(out, to, mask).add(t);
            }
            Lanes.store(t, out, to, mask);
        }
    }
}
