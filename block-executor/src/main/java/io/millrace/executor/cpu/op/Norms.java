package io.millrace.executor.cpu.op;

import io.millrace.model.spec.NormSpec;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Norms of rows, in place or not; offsets and strides in floats. Statistics are summed in lanes
 * over spans of at most {@value #SPAN} elements, and the spans in double.
 */
public final class Norms {
    private static final long SPAN = 1024;

    private Norms() {}

    /**
     * Norms rows of the spec's width.
     *
     * @param spec kind, width, epsilon and weight offset
     * @param in rows to norm
     * @param inOffset floats before row 0
     * @param inStride floats from a row to the next
     * @param weight factors [width]
     * @param weightOffset floats before the factors
     * @param bias summands [width], or null
     * @param biasOffset floats before the summands
     * @param out normed rows; may be {@code in}
     * @param outOffset floats before row 0
     * @param outStride floats from a row to the next
     * @param rows how many
     */
    public static void apply(
            NormSpec spec,
            MemorySegment in,
            long inOffset,
            long inStride,
            MemorySegment weight,
            long weightOffset,
            MemorySegment bias,
            long biasOffset,
            MemorySegment out,
            long outOffset,
            long outStride,
            long rows) {
        int width = spec.width();
        for (long row = 0; row < rows; row++) {
            long from = inOffset + row * inStride;
            float mean = mean(spec, in, from);
            float factor = factor(spec, in, from, mean);
            long to = outOffset + row * outStride;
            if (bias == null) {
                write(
                        in,
                        from,
                        mean,
                        factor,
                        weight,
                        weightOffset,
                        spec.weightOffset(),
                        out,
                        to,
                        width);
            } else {
                writeBiased(
                        in,
                        from,
                        mean,
                        factor,
                        weight,
                        weightOffset,
                        spec.weightOffset(),
                        bias,
                        biasOffset,
                        out,
                        to,
                        width);
            }
        }
    }

    /**
     * Adds to the residual stream and norms the sum: {@code residual += update; out =
     * norm(residual)}.
     */
    public static void addAndApply(
            NormSpec spec,
            MemorySegment update,
            long updateOffset,
            long updateStride,
            MemorySegment residual,
            long residualOffset,
            long residualStride,
            MemorySegment weight,
            long weightOffset,
            MemorySegment bias,
            long biasOffset,
            MemorySegment out,
            long outOffset,
            long outStride,
            long rows) {
        for (long row = 0; row < rows; row++) {
            long at = residualOffset + row * residualStride;
            Rows.add(update, updateOffset + row * updateStride, residual, at, spec.width());
            apply(
                    spec,
                    residual,
                    at,
                    residualStride,
                    weight,
                    weightOffset,
                    bias,
                    biasOffset,
                    out,
                    outOffset + row * outStride,
                    outStride,
                    1);
        }
    }

    /**
     * Norms each head of each row in place, all by the same weights [headDim] (Qwen3): head h of
     * row r starts at {@code offset + r · rowStride + h · headStride}.
     */
    public static void applyHeads(
            NormSpec spec,
            MemorySegment data,
            long offset,
            long rowStride,
            long headStride,
            int heads,
            MemorySegment weight,
            long weightOffset,
            MemorySegment bias,
            long biasOffset,
            long rows) {
        for (long row = 0; row < rows; row++) {
            long at = offset + row * rowStride;
            apply(
                    spec,
                    data,
                    at,
                    headStride,
                    weight,
                    weightOffset,
                    bias,
                    biasOffset,
                    data,
                    at,
                    headStride,
                    heads);
        }
    }

    /** What a norm takes from a row's elements: their mean, or 0 where it takes nothing. */
    public static float mean(NormSpec spec, MemorySegment in, long from) {
        boolean centred = spec.kind() == NormSpec.Kind.LAYER;
        return centred ? (float) (sum(in, from, spec.width()) / spec.width()) : 0f;
    }

    /** What a norm multiplies a row's elements by, less their {@link #mean}. */
    public static float factor(NormSpec spec, MemorySegment in, long from, float mean) {
        double square = sumSquares(in, from, spec.width(), mean) / spec.width();
        return (float) (1 / Math.sqrt(square + spec.epsilon()));
    }

    private static double sum(MemorySegment in, long from, int width) {
        double total = 0;
        for (long start = 0; start < width; start += SPAN) {
            total += spanSum(in, from + start, from + Math.min(start + SPAN, width));
        }
        return total;
    }

    private static float spanSum(MemorySegment in, long from, long end) {
        FloatVector a = FloatVector.zero(VectorLanes.SPECIES);
        FloatVector b = a;
        long i = from;
        for (; i <= end - 2L * VectorLanes.LENGTH; i += 2L * VectorLanes.LENGTH) {
            a = a.add(VectorLanes.load(in, i));
            b = b.add(VectorLanes.load(in, i + VectorLanes.LENGTH));
        }
        for (; i < end; i += VectorLanes.LENGTH) {
            a = a.add(VectorLanes.load(in, i, VectorLanes.tail(i, end)));
        }
        return VectorLanes.sum(a.add(b));
    }

    private static double sumSquares(MemorySegment in, long from, int width, float mean) {
        double total = 0;
        for (long start = 0; start < width; start += SPAN) {
            total += spanSquares(in, from + start, from + Math.min(start + SPAN, width), mean);
        }
        return total;
    }

    private static float spanSquares(MemorySegment in, long from, long end, float mean) {
        FloatVector a = FloatVector.zero(VectorLanes.SPECIES);
        FloatVector b = a;
        long i = from;
        for (; i <= end - 2L * VectorLanes.LENGTH; i += 2L * VectorLanes.LENGTH) {
            FloatVector x = VectorLanes.load(in, i).sub(mean);
            FloatVector y = VectorLanes.load(in, i + VectorLanes.LENGTH).sub(mean);
            a = x.fma(x, a);
            b = y.fma(y, b);
        }
        for (; i < end; i += VectorLanes.LENGTH) {
            VectorMask<Float> tail = VectorLanes.tail(i, end);
            FloatVector x = VectorLanes.load(in, i, tail).lanewise(VectorOperators.SUB, mean, tail);
            a = x.fma(x, a);
        }
        return VectorLanes.sum(a.add(b));
    }

    private static void write(
            MemorySegment in,
            long from,
            float mean,
            float factor,
            MemorySegment weight,
            long weightFrom,
            float weightPlus,
            MemorySegment out,
            long to,
            int width) {
        int i = 0;
        for (; i <= width - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector w = VectorLanes.load(weight, weightFrom + i).add(weightPlus);
            FloatVector x = VectorLanes.load(in, from + i).sub(mean).mul(factor);
            VectorLanes.store(x.mul(w), out, to + i);
        }
        if (i < width) {
            VectorMask<Float> tail = VectorLanes.tail(i, width);
            FloatVector w = VectorLanes.load(weight, weightFrom + i, tail).add(weightPlus);
            FloatVector x = VectorLanes.load(in, from + i, tail).sub(mean).mul(factor);
            VectorLanes.store(x.mul(w), out, to + i, tail);
        }
    }

    private static void writeBiased(
            MemorySegment in,
            long from,
            float mean,
            float factor,
            MemorySegment weight,
            long weightFrom,
            float weightPlus,
            MemorySegment bias,
            long biasFrom,
            MemorySegment out,
            long to,
            int width) {
        int i = 0;
        for (; i <= width - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector w = VectorLanes.load(weight, weightFrom + i).add(weightPlus);
            FloatVector x = VectorLanes.load(in, from + i).sub(mean).mul(factor);
            VectorLanes.store(x.fma(w, VectorLanes.load(bias, biasFrom + i)), out, to + i);
        }
        if (i < width) {
            writeBiasedTail(
                    in,
                    from + i,
                    mean,
                    factor,
                    weight,
                    weightFrom + i,
                    weightPlus,
                    bias,
                    biasFrom + i,
                    out,
                    to + i,
                    width - i);
        }
    }

    // Apart from its loop: in one compilation the two exceed at times what C2 is willing to inline,
    // and then every vector is an object.
    private static void writeBiasedTail(
            MemorySegment in,
            long from,
            float mean,
            float factor,
            MemorySegment weight,
            long weightFrom,
            float weightPlus,
            MemorySegment bias,
            long biasFrom,
            MemorySegment out,
            long to,
            int width) {
        VectorMask<Float> tail = VectorLanes.tail(0, width);
        FloatVector w = VectorLanes.load(weight, weightFrom, tail).add(weightPlus);
        FloatVector x = VectorLanes.load(in, from, tail).sub(mean).mul(factor);
        FloatVector b = VectorLanes.load(bias, biasFrom, tail);
        VectorLanes.store(x.fma(w, b), out, to, tail);
    }
}
