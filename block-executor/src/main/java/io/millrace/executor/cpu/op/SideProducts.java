package io.millrace.executor.cpu.op;

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
                CheckedFloats.set(p, to + j, sum);
            }
        }
    }

    // Ends of rows are methods apart: in one compilation loop and end exceed at times what C2 is
    // willing to inline, and then every vector is an object.

    private static void dotTwo(
            MemorySegment x,
            long xOffset,
            MemorySegment f,
            long fOffset,
            int count,
            MemorySegment p,
            long pOffset) {
        FloatVector a = FloatVector.zero(VectorLanes.SPECIES);
        FloatVector b = a;
        long second = fOffset + count;
        int i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector values = VectorLanes.load(x, xOffset + i);
            a = values.fma(VectorLanes.load(f, fOffset + i), a);
            b = values.fma(VectorLanes.load(f, second + i), b);
        }
        float first = VectorLanes.sum(a);
        float other = VectorLanes.sum(b);
        if (i < count) {
            first += end(x, xOffset + i, f, fOffset + i, count - i);
            other += end(x, xOffset + i, f, second + i, count - i);
        }
        CheckedFloats.set(p, pOffset, first);
        CheckedFloats.set(p, pOffset + 1, other);
    }

    /** The same sum that a factor has beside another. */
    private static float dot(
            MemorySegment x, long xOffset, MemorySegment f, long fOffset, int count) {
        FloatVector a = FloatVector.zero(VectorLanes.SPECIES);
        int i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            a = VectorLanes.load(x, xOffset + i).fma(VectorLanes.load(f, fOffset + i), a);
        }
        float sum = VectorLanes.sum(a);
        return i < count ? sum + end(x, xOffset + i, f, fOffset + i, count - i) : sum;
    }

    private static float end(
            MemorySegment x, long xOffset, MemorySegment f, long fOffset, int count) {
        VectorMask<Float> mask = VectorLanes.tail(0, count);
        return VectorLanes.sum(
                VectorLanes.load(x, xOffset, mask).mul(VectorLanes.load(f, fOffset, mask)));
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
        int c = 0;
        for (; c <= columns - VectorLanes.LENGTH; c += VectorLanes.LENGTH) {
            FloatVector zero = FloatVector.zero(VectorLanes.SPECIES);
            FloatVector summand = bias == null ? zero : VectorLanes.load(bias, biasOffset + c);
            long from = baseOffset + c;
            float factor = decay;
            // Two terms a pass; what lies between two passes is kept in the base's place.
            for (int j = 0; j < rank; j += 2) {
                boolean pair = j + 1 < rank;
                boolean last = j + 2 >= rank;
                long at = fOffset + j * fStride + c;
                FloatVector first = VectorLanes.load(f, at);
                FloatVector second = pair ? VectorLanes.load(f, at + fStride) : zero;
                addTwo(
                        base,
                        from,
                        baseStride,
                        rows,
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
        if (c < columns) {
            addEnd(
                    base,
                    baseOffset + c,
                    baseStride,
                    rows,
                    columns - c,
                    decay,
                    bias,
                    biasOffset + c,
                    p,
                    pOffset,
                    rank,
                    f,
                    fOffset + c,
                    fStride,
                    accumulate,
                    out,
                    outOffset + c,
                    outStride);
        }
    }

    /**
     * {@code out[j, row] = scale · f[row, j]}.
     *
     * @param f [rows, rank], contiguous
     * @param fOffset floats before it
     * @param rows how many
     * @param rank columns of f
     * @param scale factor on all
     * @param out [rank, rows], contiguous; another place
     * @param outOffset floats before it
     */
    public static void turn(
            MemorySegment f,
            long fOffset,
            int rows,
            int rank,
            float scale,
            MemorySegment out,
            long outOffset) {
        for (int row = 0; row < rows; row++) {
            for (int j = 0; j < rank; j++) {
                float value = CheckedFloats.get(f, fOffset + (long) row * rank + j);
                CheckedFloats.set(out, outOffset + (long) j * rows + row, scale * value);
            }
        }
    }

    /**
     * {@code out[row, c] = Σ_j f[row, j] · g[j, c]}, from 0 on and j in order: the same sums on
     * every machine.
     *
     * @param f [rows, rank], contiguous
     * @param fOffset floats before it
     * @param rows how many
     * @param rank length of the sums
     * @param g [rank, columns], contiguous
     * @param gOffset floats before it
     * @param columns how many
     * @param out [rows, columns], contiguous; another place
     * @param outOffset floats before it
     */
    public static void multiply(
            MemorySegment f,
            long fOffset,
            long rows,
            int rank,
            MemorySegment g,
            long gOffset,
            int columns,
            MemorySegment out,
            long outOffset) {
        for (long row = 0; row < rows; row++) {
            for (int c = 0; c < columns; c++) {
                float sum = 0;
                for (int j = 0; j < rank; j++) {
                    float left = CheckedFloats.get(f, fOffset + row * rank + j);
                    float right = CheckedFloats.get(g, gOffset + (long) j * columns + c);
                    sum = Math.fma(left, right, sum);
                }
                CheckedFloats.set(out, outOffset + row * columns + c, sum);
            }
        }
    }

    /** One vector of columns: {@code t = factor · base + summand + p first + p' second}. */
    private static void addTwo(
            MemorySegment base,
            long baseOffset,
            long baseStride,
            int rows,
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
            FloatVector t = VectorLanes.load(base, baseOffset + row * baseStride);
            t = t.mul(factor).add(summand);
            t = first.fma(VectorLanes.broadcast(CheckedFloats.get(p, products)), t);
            t = second.fma(VectorLanes.broadcast(CheckedFloats.get(p, products + pSecond)), t);
            if (accumulate) {
                t = VectorLanes.load(out, to).add(t);
            }
            VectorLanes.store(t, out, to);
        }
    }

    /** The last columns, fewer than a vector has, one value at a time. */
    private static void addEnd(
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
            for (int c = 0; c < columns; c++) {
                long to = outOffset + row * outStride + c;
                float t = CheckedFloats.get(base, baseOffset + row * baseStride + c) * decay;
                t += bias == null ? 0f : CheckedFloats.get(bias, biasOffset + c);
                for (int j = 0; j < rank; j++) {
                    float product = CheckedFloats.get(p, pOffset + (long) row * rank + j);
                    t = Math.fma(CheckedFloats.get(f, fOffset + j * fStride + c), product, t);
                }
                CheckedFloats.set(out, to, accumulate ? CheckedFloats.get(out, to) + t : t);
            }
        }
    }
}
