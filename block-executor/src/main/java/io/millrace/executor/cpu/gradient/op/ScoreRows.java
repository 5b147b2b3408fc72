package io.millrace.executor.cpu.gradient.op;

import io.millrace.executor.cpu.op.CheckedFloats;
import io.millrace.executor.cpu.op.VectorLanes;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * One query's scores, softmax weights and their gradients, at floats [from, end) of their places.
 * Sums run in lanes over spans of {@value #SPAN}, and the spans in double.
 *
 * <p>Loops go on to the end of a vector, over what {@link #pad} has put behind a row: with masks or
 * scalars besides they exceed what C2 is willing to inline, and then every vector is an object.
 */
final class ScoreRows {
    private static final int SPAN = 1024;

    /** Floats that every row has behind its last: more than a vector's. */
    static final int PADDING = 16;

    // Below any score, yet finite: its weight is 0.
    private static final float NO_SCORE = -1e30f;

    private ScoreRows() {}

    /** Writes a vector of one value behind a row: what no query sees, or nobody's. */
    private static void pad(MemorySegment place, long end, float value) {
        VectorLanes.store(VectorLanes.broadcast(value), place, end);
    }

    /** {@code products[i] = cap · tanh(products[i] · scale / cap)}: what then has a scale of 1. */
    static void cap(MemorySegment products, long from, long end, float scale, float cap) {
        pad(products, end, 0);
        for (long i = from; i < end; i += VectorLanes.LENGTH) {
            FloatVector x = VectorLanes.load(products, i).mul(scale / cap);
            VectorLanes.store(VectorLanes.tanh(x).mul(cap), products, i);
        }
    }

    /**
     * Turns products q · k into scores.
     *
     * @param scale factor on them
     * @param slope what a score loses for each position between
     * @param distance position of the first key, less the query's
     * @return the largest score that is a number
     */
    static float finish(
            MemorySegment scores, long from, long end, float scale, float slope, int distance) {
        pad(scores, end, NO_SCORE);
        FloatVector top = VectorLanes.broadcast(NO_SCORE);
        int key = distance;
        for (long i = from; i < end; i += VectorLanes.LENGTH) {
            FloatVector bias = VectorLanes.counting(key).mul(slope);
            FloatVector score = VectorLanes.load(scores, i).mul(scale).add(bias);
            VectorLanes.store(score, scores, i);
            top = VectorLanes.larger(top, score); // skips a NaN, which its exp will show
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
            FloatVector e = VectorLanes.expUpTo0(VectorLanes.load(scores, i).sub(top));
            VectorLanes.store(e, scores, i);
            sum = sum.add(e);
        }
        return VectorLanes.sum(sum);
    }

    /** Σ a[i] · b[i], of places that are laid out alike. */
    static double dot(MemorySegment a, MemorySegment b, long from, long end) {
        pad(a, end, 0);
        pad(b, end, 0);
        double total = 0;
        for (long start = from; start < end; start += SPAN) {
            total += dotSpan(a, b, start, Math.min(start + SPAN, end));
        }
        return total;
    }

    private static float dotSpan(MemorySegment a, MemorySegment b, long from, long end) {
        FloatVector sum = FloatVector.zero(VectorLanes.SPECIES);
        for (long i = from; i < end; i += VectorLanes.LENGTH) {
            sum = VectorLanes.load(a, i).fma(VectorLanes.load(b, i), sum);
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
            FloatVector change = VectorLanes.load(changes, i).sub(mean).mul(scale);
            VectorLanes.store(change.mul(VectorLanes.load(weights, i)), changes, i);
        }
    }

    /** {@code changes[i] *= tanh'(products[i] · scale)}. */
    static void throughSoftcap(
            MemorySegment products, MemorySegment changes, long from, long end, float scale) {
        pad(products, end, 0);
        for (long i = from; i < end; i += VectorLanes.LENGTH) {
            FloatVector slope = ActivationSlopes.tanh(VectorLanes.load(products, i).mul(scale));
            VectorLanes.store(VectorLanes.load(changes, i).mul(slope), changes, i);
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
