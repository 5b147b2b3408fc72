package io.millrace.executor.cpu.gradient.op;

import io.millrace.executor.cpu.op.Activations;
import io.millrace.executor.cpu.op.CheckedFloats;
import io.millrace.executor.cpu.op.Loss;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.VectorLanes;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The way back through {@link Loss} over whole rows of logits, which become their gradients: {@code
 * softmax − onehot(target)}, and through a softcap y = c tanh(x / c) that times {@code 1 − (y/c)²}.
 * Sums run in lanes over spans of {@value #SPAN} elements, and the spans in double.
 */
public final class LossGradient {
    private static final int SPAN = 1024;

    private LossGradient() {}

    /**
     * Replaces rows of logits by their gradients. A row with a logit that is no finite number has
     * NaN for its loss and all its gradients.
     *
     * @param logits rows; replaced
     * @param offset floats before row 0
     * @param stride floats from a row to the next
     * @param rows how many
     * @param vocabulary logits of a row
     * @param softcap c, 0 for none
     * @param weight factor on all gradients, and on no loss
     * @param targets the target id of each row; a negative one, such as {@link Loss#IGNORED}, is
     *     not scored: its loss and its gradients are 0. One past the vocabulary is an
     *     IndexOutOfBoundsException
     * @param firstRow where the target and the loss of row 0 are
     * @param losses gets each row's loss, {@code log Σ exp(logits) − logits[target]}
     */
    public static void replace(
            MemorySegment logits,
            long offset,
            long stride,
            int rows,
            int vocabulary,
            float softcap,
            float weight,
            int[] targets,
            int firstRow,
            double[] losses) {
        for (int row = 0; row < rows; row++) {
            long at = offset + row * stride;
            int target = targets[firstRow + row];
            if (target < 0) {
                Rows.zero(logits, at, vocabulary);
                losses[firstRow + row] = 0;
            } else {
                Objects.checkIndex(target, vocabulary);
                losses[firstRow + row] = row(logits, at, vocabulary, softcap, weight, target);
            }
        }
    }

    private static double row(
            MemorySegment logits,
            long at,
            int vocabulary,
            float softcap,
            float weight,
            int target) {
        if (!isFinite(logits, at, vocabulary)) {
            fillNaN(logits, at, vocabulary);
            return Double.NaN;
        }
        if (softcap != 0) {
            Activations.softcap(softcap, logits, at, logits, at, vocabulary);
        }
        float top = largest(logits, at, vocabulary);
        float y = CheckedFloats.get(logits, at + target);
        // The target stands aside: where it is all but certain, the others' sum is what is left of
        // its loss and of its gradient, and would be lost beside a 1.
        CheckedFloats.set(logits, at + target, Float.NEGATIVE_INFINITY);
        double others = 0;
        for (int start = 0; start < vocabulary; start += SPAN) {
            others += sumExp(logits, at + start, Math.min(SPAN, vocabulary - start), top);
        }
        double less = (double) y - top;
        double sum = others + StrictMath.exp(less);
        float factor = (float) (weight / sum);
        if (softcap == 0) {
            weigh(logits, at, vocabulary, top, factor);
        } else {
            weighCapped(logits, at, vocabulary, top, factor, 1 / softcap);
        }
        double ratio = softcap == 0 ? 0 : y / (double) softcap;
        double change = -weight * others / sum * (1 - ratio * ratio);
        CheckedFloats.set(logits, at + target, (float) change);
        return less == 0 ? StrictMath.log1p(others) : StrictMath.log(sum) - less;
    }

    /** Whether all are: 0 times a number is 0, times anything else NaN. */
    private static boolean isFinite(MemorySegment logits, long at, int count) {
        FloatVector sum = FloatVector.zero(VectorLanes.SPECIES);
        FloatVector zero = sum;
        int i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            sum = VectorLanes.load(logits, at + i).fma(zero, sum);
        }
        if (i < count) {
            sum = VectorLanes.load(logits, at + i, VectorLanes.tail(i, count)).fma(zero, sum);
        }
        return VectorLanes.sum(sum) == 0;
    }

    private static void fillNaN(MemorySegment logits, long at, int count) {
        for (int i = 0; i < count; i++) {
            CheckedFloats.set(logits, at + i, Float.NaN);
        }
    }

    private static float largest(MemorySegment logits, long at, int count) {
        FloatVector top = VectorLanes.broadcast(Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            top = VectorLanes.larger(top, VectorLanes.load(logits, at + i));
        }
        if (i < count) {
            VectorMask<Float> tail = VectorLanes.tail(i, count);
            FloatVector last = VectorLanes.load(logits, at + i, tail);
            top = top.blend(VectorLanes.larger(top, last), tail);
        }
        return VectorLanes.max(top);
    }

    private static float sumExp(MemorySegment logits, long at, int count, float top) {
        FloatVector sum = FloatVector.zero(VectorLanes.SPECIES);
        int i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            sum = sum.add(VectorLanes.expUpTo0(VectorLanes.load(logits, at + i).sub(top)));
        }
        float total = VectorLanes.sum(sum);
        return i < count ? total + sumExpTail(logits, at + i, count - i, top) : total;
    }

    // Ends of rows are methods apart: in one compilation loop and end could exceed what C2 is
    // willing to inline, and then every vector is an object.

    private static float sumExpTail(MemorySegment logits, long at, int count, float top) {
        VectorMask<Float> tail = VectorLanes.tail(0, count);
        FloatVector e = VectorLanes.expUpTo0(VectorLanes.load(logits, at, tail).sub(top));
        return VectorLanes.sum(FloatVector.zero(VectorLanes.SPECIES).blend(e, tail));
    }

    /** {@code logits[i] = factor · exp(logits[i] − top)}. */
    private static void weigh(MemorySegment logits, long at, int count, float top, float factor) {
        int i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector e = VectorLanes.expUpTo0(VectorLanes.load(logits, at + i).sub(top));
            VectorLanes.store(e.mul(factor), logits, at + i);
        }
        if (i < count) {
            weighTail(logits, at + i, count - i, top, factor);
        }
    }

    private static void weighTail(
            MemorySegment logits, long at, int count, float top, float factor) {
        VectorMask<Float> tail = VectorLanes.tail(0, count);
        FloatVector e = VectorLanes.expUpTo0(VectorLanes.load(logits, at, tail).sub(top));
        VectorLanes.store(e.mul(factor), logits, at, tail);
    }

    /** The same of capped logits, times the slope of the cap. */
    private static void weighCapped(
            MemorySegment logits, long at, int count, float top, float factor, float inverse) {
        int i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector y = VectorLanes.load(logits, at + i);
            FloatVector e = VectorLanes.expUpTo0(y.sub(top)).mul(factor);
            VectorLanes.store(e.mul(slope(y.mul(inverse))), logits, at + i);
        }
        if (i < count) {
            weighCappedTail(logits, at + i, count - i, top, factor, inverse);
        }
    }

    private static void weighCappedTail(
            MemorySegment logits, long at, int count, float top, float factor, float inverse) {
        VectorMask<Float> tail = VectorLanes.tail(0, count);
        FloatVector y = VectorLanes.load(logits, at, tail);
        FloatVector e = VectorLanes.expUpTo0(y.sub(top)).mul(factor);
        VectorLanes.store(e.mul(slope(y.mul(inverse))), logits, at, tail);
    }

    /** {@code (1 − t)(1 + t)}, never below 0: a tanh in float can end above 1 by its last bit. */
    private static FloatVector slope(FloatVector t) {
        FloatVector slope = VectorLanes.broadcast(1f).sub(t).mul(t.add(1f));
        return slope.blend(0f, slope.compare(VectorOperators.LT, 0f));
    }
}
