package io.millrace.executor.cpu.gradient.op;

import io.millrace.executor.cpu.op.Activations;
import io.millrace.executor.cpu.op.Attention;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.VectorLanes;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * One query's scores, softmax weights and their gradients, at floats [from, end) of their places.
 * Sums run in lanes over spans of {@value #SPAN}, and the spans in double.
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
        for (long i = from; i < end; i += VectorLanes.LENGTH) {
            VectorMask<Float> here = VectorLanes.tail(i, end);
            FloatVector bias = VectorLanes.counting(key).mul(slope);
            FloatVector score = VectorLanes.load(scores, i, here).mul(scale).add(bias);
            VectorLanes.store(score, scores, i, here);
            top = top.blend(VectorLanes.larger(top, score), here);
            key += VectorLanes.LENGTH;
        }
        return VectorLanes.max(top);
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
        for (long i = from; i < end; i += VectorLanes.LENGTH) {
            VectorMask<Float> here = VectorLanes.tail(i, end);
            FloatVector e = VectorLanes.expUpTo0(VectorLanes.load(scores, i, here).sub(top));
            VectorLanes.store(e, scores, i, here);
            sum = sum.blend(sum.add(e), here);
        }
        return VectorLanes.sum(sum);
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
        for (long i = from; i < end; i += VectorLanes.LENGTH) {
            VectorMask<Float> here = VectorLanes.tail(i, end);
            sum = VectorLanes.load(a, i, here).fma(VectorLanes.load(b, i, here), sum);
        }
        return VectorLanes.sum(sum);
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
        for (long i = from; i < end; i += VectorLanes.LENGTH) {
            VectorMask<Float> here = VectorLanes.tail(i, end);
            FloatVector change = VectorLanes.load(changes, i, here).sub(mean).mul(scale);
            VectorLanes.store(
                    change.mul(VectorLanes.load(weights, i, here)), changes, i, here);
        }
    }

    /** {@code changes[i] *= tanh'(products[i] · scale)}. */
    static void throughSoftcap(
            MemorySegment products, MemorySegment changes, long from, long end, float scale) {
        for (long i = from; i < end; i += VectorLanes.LENGTH) {
            VectorMask<Float> here = VectorLanes.tail(i, end);
            FloatVector slope = Slopes.tanh(VectorLanes.load(products, i, here).mul(scale));
            VectorLanes.store(
                    VectorLanes.load(changes, i, here).mul(slope), changes, i, here);
        }
    }
}
