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
        long i = from;
        for (; i <= end - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector bias = VectorLanes.counting(key).mul(slope);
            FloatVector score = VectorLanes.load(scores, i).mul(scale).add(bias);
            VectorLanes.store(score, scores, i);
            top = VectorLanes.larger(top, score); // skips a NaN, which its exp will show
            key += VectorLanes.LENGTH;
        }
        if (i < end) {
            VectorMask<Float> tail = VectorLanes.tail(i, end);
            FloatVector bias = VectorLanes.counting(key).mul(slope);
            FloatVector score = VectorLanes.load(scores, i, tail).mul(scale).add(bias);
            VectorLanes.store(score, scores, i, tail);
            top = top.blend(VectorLanes.larger(top, score), tail);
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
        long i = from;
        for (; i <= end - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector e = VectorLanes.expUpTo0(VectorLanes.load(scores, i).sub(top));
            VectorLanes.store(e, scores, i);
            sum = sum.add(e);
        }
        float total = VectorLanes.sum(sum);
        return i < end ? total + exponentiateTail(scores, i, end, top) : total;
    }

    // Apart from its loop: in one compilation the two could exceed what C2 is willing to inline,
    // and then every vector is an object.
    private static float exponentiateTail(MemorySegment scores, long from, long end, float top) {
        VectorMask<Float> tail = VectorLanes.tail(from, end);
        FloatVector e = VectorLanes.expUpTo0(VectorLanes.load(scores, from, tail).sub(top));
        VectorLanes.store(e, scores, from, tail);
        return VectorLanes.sum(FloatVector.zero(VectorLanes.SPECIES).blend(e, tail));
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
        if (i < end) {
            VectorMask<Float> tail = VectorLanes.tail(i, end);
            sum = VectorLanes.load(a, i, tail).fma(VectorLanes.load(b, i, tail), sum);
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
        long i = from;
        for (; i <= end - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector change = VectorLanes.load(changes, i).sub(mean).mul(scale);
            VectorLanes.store(change.mul(VectorLanes.load(weights, i)), changes, i);
        }
        if (i < end) {
            VectorMask<Float> tail = VectorLanes.tail(i, end);
            FloatVector change = VectorLanes.load(changes, i, tail).sub(mean).mul(scale);
            VectorLanes.store(change.mul(VectorLanes.load(weights, i, tail)), changes, i, tail);
        }
    }

    /** {@code changes[i] *= tanh'(products[i] · scale)}. */
    static void throughSoftcap(
            MemorySegment products, MemorySegment changes, long from, long end, float scale) {
        long i = from;
        for (; i <= end - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector slope = ActivationSlopes.tanh(VectorLanes.load(products, i).mul(scale));
            VectorLanes.store(VectorLanes.load(changes, i).mul(slope), changes, i);
        }
        if (i < end) {
            VectorMask<Float> tail = VectorLanes.tail(i, end);
            FloatVector slope =
                    ActivationSlopes.tanh(VectorLanes.load(products, i, tail).mul(scale));
            VectorLanes.store(VectorLanes.load(changes, i, tail).mul(slope), changes, i, tail);
        }
    }
}
