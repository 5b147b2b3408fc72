package io.millrace.executor.cpu.gradient.op;

import io.millrace.executor.cpu.op.CheckedFloats;
import io.millrace.executor.cpu.op.Norms;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.VectorLanes;
import io.millrace.model.spec.NormSpec;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The way back through {@link Norms}. With x̂ the centred and scaled row, s its scale, w the
 * factors with their offset, g the gradient of the normed row and u = g ∘ w: the row's gradient is
 * {@code s (u − mean(u) − x̂ mean(u ∘ x̂))}, without {@code mean(u)} where the norm takes out no
 * mean; the factors' is {@code g ∘ x̂} and the summands' g (arXiv 1607.06450, section 3, and
 * 1910.07467, section 4). Sums run in lanes over spans of at most {@value #SPAN} elements, and the
 * spans in double. Ends of rows are scalars: with masks besides, loops exceed what C2 is willing to
 * inline, and then every vector is an object.
 */
public final class NormGradient {
    private static final int SPAN = 1024;

    private NormGradient() {}

    /**
     * What all rows are multiplied with, and what gathers its gradient over the rows of a call, in
     * their order.
     *
     * @param weight factors [width]
     * @param weightOffset floats before them
     * @param gradWeight gets added the gradient of the factors [width], or null for nobody
     * @param gradWeightOffset floats before it
     * @param gradBias gets added the gradient of the summands [width], or null for nobody
     * @param gradBiasOffset floats before it
     */
    public record Factors(
            MemorySegment weight,
            long weightOffset,
            MemorySegment gradWeight,
            long gradWeightOffset,
            MemorySegment gradBias,
            long gradBiasOffset) {}

    /**
     * Adds the gradient of rows: {@code gradIn += …}.
     *
     * @param spec kind, width, epsilon and weight offset
     * @param in the rows as they were before the norm
     * @param inOffset floats before row 0
     * @param inStride floats from a row to the next
     * @param factors what they were multiplied with
     * @param gradient the gradient of the normed rows
     * @param gradientOffset floats before row 0
     * @param gradientStride floats from a row to the next
     * @param gradIn where the gradient of the rows is added; anywhere but on the rows
     * @param gradInOffset floats before row 0
     * @param gradInStride floats from a row to the next
     * @param rows how many
     */
    public static void add(
            NormSpec spec,
            MemorySegment in,
            long inOffset,
            long inStride,
            Factors factors,
            MemorySegment gradient,
            long gradientOffset,
            long gradientStride,
            MemorySegment gradIn,
            long gradInOffset,
            long gradInStride,
            long rows) {
        for (long row = 0; row < rows; row++) {
            row(
                    spec,
                    in,
                    inOffset + row * inStride,
                    factors,
                    gradient,
                    gradientOffset + row * gradientStride,
                    gradIn,
                    gradInOffset + row * gradInStride,
                    true);
        }
    }

    /**
     * Writes the gradient of rows, otherwise as {@link #add}; its place may be that of the normed
     * rows' gradient.
     */
    public static void write(
            NormSpec spec,
            MemorySegment in,
            long inOffset,
            long inStride,
            Factors factors,
            MemorySegment gradient,
            long gradientOffset,
            long gradientStride,
            MemorySegment gradIn,
            long gradInOffset,
            long gradInStride,
            long rows) {
        for (long row = 0; row < rows; row++) {
            row(
                    spec,
                    in,
                    inOffset + row * inStride,
                    factors,
                    gradient,
                    gradientOffset + row * gradientStride,
                    gradIn,
                    gradInOffset + row * gradInStride,
                    false);
        }
    }

    /**
     * The same of {@link Norms#applyHeads}, in place: the gradient of each normed head becomes that
     * of the head before. Head h of row r starts at {@code offset + r · rowStride + h ·
     * headStride}.
     *
     * @param in the heads as they were before the norm
     * @param factors what all heads were multiplied with [head size]
     * @param gradient the gradient of the normed heads; replaced
     */
    public static void replaceHeads(
            NormSpec spec,
            MemorySegment in,
            long inOffset,
            long inRowStride,
            long inHeadStride,
            Factors factors,
            MemorySegment gradient,
            long gradientOffset,
            long gradientRowStride,
            long gradientHeadStride,
            int heads,
            long rows) {
        for (long row = 0; row < rows; row++) {
            long to = gradientOffset + row * gradientRowStride;
            write(
                    spec,
                    in,
                    inOffset + row * inRowStride,
                    inHeadStride,
                    factors,
                    gradient,
                    to,
                    gradientHeadStride,
                    gradient,
                    to,
                    gradientHeadStride,
                    heads);
        }
    }

    private static void row(
            NormSpec spec,
            MemorySegment in,
            long from,
            Factors factors,
            MemorySegment gradient,
            long at,
            MemorySegment gradIn,
            long to,
            boolean adds) {
        int width = spec.width();
        float plus = spec.weightOffset();
        MemorySegment weight = factors.weight;
        long weightAt = factors.weightOffset;
        float mean = Norms.mean(spec, in, from);
        float factor = Norms.factor(spec, in, from, mean);
        double sum = 0;
        double products = 0;
        for (int start = 0; start < width; start += SPAN) {
            int count = Math.min(SPAN, width - start);
            long w = weightAt + start;
            if (spec.kind() == NormSpec.Kind.LAYER) {
                sum += sum(gradient, at + start, weight, w, plus, count);
            }
            products +=
                    products(
                            gradient,
                            at + start,
                            weight,
                            w,
                            plus,
                            in,
                            from + start,
                            mean,
                            factor,
                            count);
        }
        // Before the gradient is lost where it is replaced.
        if (factors.gradWeight != null) {
            addFactors(
                    gradient,
                    at,
                    in,
                    from,
                    mean,
                    factor,
                    factors.gradWeight,
                    factors.gradWeightOffset,
                    width);
        }
        if (factors.gradBias != null) {
            Rows.add(gradient, at, factors.gradBias, factors.gradBiasOffset, width);
        }
        float less = (float) (sum / width);
        float slope = (float) (products / width);
        if (adds) {
            addWeighted(gradient, at, weight, weightAt, plus, less, factor, gradIn, to, width);
        } else {
            writeWeighted(gradient, at, weight, weightAt, plus, less, factor, gradIn, to, width);
        }
        takeAlong(in, from, mean, factor, slope, gradIn, to, width);
    }

    private static float sum(
            MemorySegment gradient,
            long at,
            MemorySegment weight,
            long weightAt,
            float plus,
            int count) {
        FloatVector sum = FloatVector.zero(VectorLanes.SPECIES);
        int i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector w = VectorLanes.load(weight, weightAt + i).add(plus);
            sum = VectorLanes.load(gradient, at + i).fma(w, sum);
        }
        float total = VectorLanes.sum(sum);
        for (; i < count; i++) {
            float w = CheckedFloats.get(weight, weightAt + i) + plus;
            total = Math.fma(CheckedFloats.get(gradient, at + i), w, total);
        }
        return total;
    }

    private static float products(
            MemorySegment gradient,
            long at,
            MemorySegment weight,
            long weightAt,
            float plus,
            MemorySegment in,
            long from,
            float mean,
            float factor,
            int count) {
        FloatVector sum = FloatVector.zero(VectorLanes.SPECIES);
        int i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector w = VectorLanes.load(weight, weightAt + i).add(plus);
            FloatVector x = VectorLanes.load(in, from + i).sub(mean).mul(factor);
            sum = VectorLanes.load(gradient, at + i).mul(w).fma(x, sum);
        }
        float total = VectorLanes.sum(sum);
        for (; i < count; i++) {
            float w = CheckedFloats.get(weight, weightAt + i) + plus;
            float x = (CheckedFloats.get(in, from + i) - mean) * factor;
            total = Math.fma(CheckedFloats.get(gradient, at + i) * w, x, total);
        }
        return total;
    }

    private static void addFactors(
            MemorySegment gradient,
            long at,
            MemorySegment in,
            long from,
            float mean,
            float factor,
            MemorySegment out,
            long to,
            int width) {
        int i = 0;
        for (; i <= width - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector x = VectorLanes.load(in, from + i).sub(mean).mul(factor);
            FloatVector old = VectorLanes.load(out, to + i);
            VectorLanes.store(VectorLanes.load(gradient, at + i).fma(x, old), out, to + i);
        }
        for (; i < width; i++) {
            float x = (CheckedFloats.get(in, from + i) - mean) * factor;
            float old = CheckedFloats.get(out, to + i);
            CheckedFloats.set(out, to + i, Math.fma(CheckedFloats.get(gradient, at + i), x, old));
        }
    }

    // In loops of few loads each: more of them exceed at times what C2 is willing to inline, and
    // then
    // every vector is an object.

    /** {@code out = (g ∘ w − less) · factor}. */
    private static void writeWeighted(
            MemorySegment gradient,
            long at,
            MemorySegment weight,
            long weightAt,
            float plus,
            float less,
            float factor,
            MemorySegment out,
            long to,
            int width) {
        int i = 0;
        for (; i <= width - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector w = VectorLanes.load(weight, weightAt + i).add(plus);
            FloatVector u = VectorLanes.load(gradient, at + i).mul(w).sub(less);
            VectorLanes.store(u.mul(factor), out, to + i);
        }
        for (; i < width; i++) {
            float w = CheckedFloats.get(weight, weightAt + i) + plus;
            float u = CheckedFloats.get(gradient, at + i) * w - less;
            CheckedFloats.set(out, to + i, u * factor);
        }
    }

    /** {@code out += (g ∘ w − less) · factor}. */
    private static void addWeighted(
            MemorySegment gradient,
            long at,
            MemorySegment weight,
            long weightAt,
            float plus,
            float less,
            float factor,
            MemorySegment out,
            long to,
            int width) {
        int i = 0;
        for (; i <= width - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector w = VectorLanes.load(weight, weightAt + i).add(plus);
            FloatVector u = VectorLanes.load(gradient, at + i).mul(w).sub(less);
            VectorLanes.store(u.mul(factor).add(VectorLanes.load(out, to + i)), out, to + i);
        }
        for (; i < width; i++) {
            float w = CheckedFloats.get(weight, weightAt + i) + plus;
            float u = CheckedFloats.get(gradient, at + i) * w - less;
            CheckedFloats.set(out, to + i, CheckedFloats.get(out, to + i) + u * factor);
        }
    }

    /** {@code out −= x̂ · slope · factor}. */
    private static void takeAlong(
            MemorySegment in,
            long from,
            float mean,
            float factor,
            float slope,
            MemorySegment out,
            long to,
            int width) {
        float along = -slope * factor;
        int i = 0;
        for (; i <= width - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector x = VectorLanes.load(in, from + i).sub(mean).mul(factor);
            FloatVector old = VectorLanes.load(out, to + i);
            VectorLanes.store(x.fma(VectorLanes.broadcast(along), old), out, to + i);
        }
        for (; i < width; i++) {
            float x = (CheckedFloats.get(in, from + i) - mean) * factor;
            float old = CheckedFloats.get(out, to + i);
            CheckedFloats.set(out, to + i, Math.fma(x, along, old));
        }
    }
}
