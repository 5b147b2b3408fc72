package io.millrace.executor.cpu.gradient.op;

import io.millrace.executor.cpu.op.Activations;
import io.millrace.executor.cpu.op.Attention;
import io.millrace.executor.cpu.op.CheckedFloats;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.Scalars;
import io.millrace.executor.cpu.op.VectorLanes;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * One query's scores, softmax weights and their gradients, at floats [from, end) of their places.
 * Sums run in lanes over spans of {@value #SPAN}, and the spans in double. Ends of rows are
 * scalars: with masks besides, loops exceed what C2 is willing to inline, and then every vector is
 * an object.
 */
final class ScoreRows {
    private static final int SPAN = 1024;

    private ScoreRows() {}

    /**
     * Turns products q · k into scores.
     *
     * @param slope what a score loses for each position between
     * @param distance position of the first key, less the query's
     * @return the largest score that is a number
     */
    static float finish(
            Attention.Shape shape,
            float slope,
            int distance,
            MemorySegment scores,
            long from,
            long end) {
        float scale = shape.scale();
        if (shape.softcap() != 0) {
            Rows.scale(scale, scores, from, end - from);
            Activations.softcap(shape.softcap(), scores, from, scores, from, end - from);
            scale = 1;
        }
        FloatVector top = VectorLanes.broadcast(Float.NEGATIVE_INFINITY);
        int key = distance;
        long i = from;
        for (; i <= end - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector bias = VectorLanes.counting(key).mul(slope);
            FloatVector score = VectorLanes.load(scores, i).mul(scale).add(bias);
            VectorLanes.store(score, scores, i);
            top = VectorLanes.larger(top, score); // skips a NaN, which its exp will show
            key += VectorLanes.LENGTH;
        }
        float largest = VectorLanes.max(top);
        for (; i < end; i++) {
            float score = CheckedFloats.get(scores, i) * scale + key * slope;
            CheckedFloats.set(scores, i, score);
            largest = score > largest ? score : largest;
            key++;
        }
        return largest;
    }

    /** {@code scores[i] = exp(scores[i] − top)}; gives their sum. */
    static double exponentiate(MemorySegment scores, long from, long end, float top) {
        double total = 0;
        for (long start = from; start < end; start += SPAN) {
            total += exponentiateSpan(scores, start, Math.min(start + SPAN, end), top);
        }
        return total;
    }

    private static float exponentiateSpan(MemorySegment scores, long from, long end, float top) {
        FloatVector sum = FloatVector.zero(VectorLanes.SPECIES);
        long i = from;
        for (; i <= end - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector e = VectorLanes.expUpTo0(VectorLanes.load(scores, i).sub(top));
            VectorLanes.store(e, scores, i);
            sum = sum.add(e);
        }
        float total = VectorLanes.sum(sum);
        for (; i < end; i++) {
            float e = Scalars.expUpTo0(CheckedFloats.get(scores, i) - top);
            CheckedFloats.set(scores, i, e);
            total += e;
        }
        return total;
    }

    /** Σ a[i] · b[i], of places that are laid out alike. */
    static double dot(MemorySegment a, MemorySegment b, long from, long end) {
        double total = 0;
        for (long start = from; start < end; start += SPAN) {
            total += dotSpan(a, b, start, Math.min(start + SPAN, end));
        }
        return total;
    }

    private static float dotSpan(MemorySegment a, MemorySegment b, long from, long end) {
        FloatVector sum = FloatVector.zero(VectorLanes.SPECIES);
        long i = from;
        for (; i <= end - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            sum = VectorLanes.load(a, i).fma(VectorLanes.load(b, i), sum);
        }
        float total = VectorLanes.sum(sum);
        for (; i < end; i++) {
            total = Math.fma(CheckedFloats.get(a, i), CheckedFloats.get(b, i), total);
        }
        return total;
    }

    /**
     * {@code changes[i] = weights[i] · (changes[i] − mean) · scale}: gradients of weights become
     * those of products.
     */
    static void change(
            MemorySegment weights,
            MemorySegment changes,
            long from,
            long end,
            float mean,
            float scale) {
        long i = from;
        for (; i <= end - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector change = VectorLanes.load(changes, i).sub(mean).mul(scale);
            VectorLanes.store(change.mul(VectorLanes.load(weights, i)), changes, i);
        }
        for (; i < end; i++) {
            float change = (CheckedFloats.get(changes, i) - mean) * scale;
            CheckedFloats.set(changes, i, change * CheckedFloats.get(weights, i));
        }
    }

    /** {@code changes[i] *= tanh'(products[i] · scale)}. */
    static void throughSoftcap(
            MemorySegment products, MemorySegment changes, long from, long end, float scale) {
        long i = from;
        for (; i <= end - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector slope = Slopes.tanh(VectorLanes.load(products, i).mul(scale));
            VectorLanes.store(VectorLanes.load(changes, i).mul(slope), changes, i);
        }
        for (; i < end; i++) {
            float slope = Slopes.tanh(CheckedFloats.get(products, i) * scale);
            CheckedFloats.set(changes, i, CheckedFloats.get(changes, i) * slope);
        }
    }

    /** {@code scores[i] = 0}, without the slice of memory that a fill of it takes. */
    static void zero(MemorySegment scores, long from, long end) {
        FloatVector zero = FloatVector.zero(VectorLanes.SPECIES);
        long i = from;
        for (; i <= end - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            VectorLanes.store(zero, scores, i);
        }
        for (; i < end; i++) {
            CheckedFloats.set(scores, i, 0);
        }
    }
}
