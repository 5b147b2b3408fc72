package io.millrace.executor.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Vectors of floats in memory, and element-wise functions of IEEE operations alone.
 *
 * <p>Loops end with a masked vector instead of scalars: so an element's value never depends on
 * where in a row it stands, and each formula exists once.
 */
final class Lanes {
    static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    static final int LENGTH = SPECIES.length();

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    private static final VectorShuffle<Float> BY_8 = rotate(8);
    private static final VectorShuffle<Float> BY_4 = rotate(4);
    private static final VectorShuffle<Float> BY_2 = rotate(2);
    private static final VectorShuffle<Float> BY_1 = rotate(1);

    // exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2; ln 2 in two parts so that r is
    // exact.
    private static final float LOG2_E = 0x1.715476p+0f;
    private static final float LN2_HIGH = 0x1.62e400p-1f;
    private static final float LN2_LOW = 0x1.7f7d1cp-20f;
    private static final float ROUND =
            0x1.8p23f; // adding it leaves the nearest integer in the low bits
    private static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);
    private static final int EXPONENT_BIAS = 127;
    private static final int MANTISSA_BITS = 23;
    private static final float EXP_MIN = -8.733654e1f; // below, the result would be subnormal: 0
    private static final float EXP_MAX = 8.837626e1f; // above, 2^n would not be a float: infinity

    private Lanes() {}

    private static VectorShuffle<Float> rotate(int by) {
        return VectorShuffle.iota(SPECIES, by % LENGTH, 1, true);
    }

    static FloatVector load(MemorySegment segment, long index) {
        return FloatVector.fromMemorySegment(SPECIES, segment, index * Float.BYTES, ORDER);
    }

    static FloatVector load(MemorySegment segment, long index, VectorMask<Float> mask) {
        return FloatVector.fromMemorySegment(SPECIES, segment, index * Float.BYTES, ORDER, mask);
    }

    static void store(FloatVector vector, MemorySegment segment, long index) {
        vector.intoMemorySegment(segment, index * Float.BYTES, ORDER);
    }

    static void store(
            FloatVector vector, MemorySegment segment, long index, VectorMask<Float> mask) {
        vector.intoMemorySegment(segment, index * Float.BYTES, ORDER, mask);
    }

    /** The lanes that are left of a loop to {@code end}. */
    static VectorMask<Float> tail(long index, long end) {
        return SPECIES.indexInRange(index, end);
    }

    static FloatVector broadcast(float value) {
        return FloatVector.broadcast(SPECIES, value);
    }

    /** Sum of the lanes as a balanced tree; reduceLanes leaves the order open. */
    static float sum(FloatVector v) {
        FloatVector s = v;
        if (LENGTH >= 16) {
            s = s.add(s.rearrange(BY_8));
        }
        if (LENGTH >= 8) {
            s = s.add(s.rearrange(BY_4));
        }
        if (LENGTH >= 4) {
            s = s.add(s.rearrange(BY_2));
        }
        return s.add(s.rearrange(BY_1)).lane(0);
    }

    /** The largest lane, the order of no matter. */
    static float max(FloatVector v) {
        return v.reduceLanes(VectorOperators.MAX);
    }

    /** The larger of each pair, the second where the first is NaN: one blend, unlike Java's max. */
    static FloatVector larger(FloatVector a, FloatVector b) {
        return b.blend(a, a.compare(VectorOperators.GT, b));
    }

    /** Natural exponential, relative error below 1.5e-7; 0 below -87.3, infinity above 88.4. */
    static FloatVector exp(FloatVector x) {
        FloatVector shifted = x.fma(broadcast(LOG2_E), broadcast(ROUND));
        FloatVector n = shifted.sub(ROUND);
        FloatVector r = n.fma(broadcast(-LN2_HIGH), x);
        r = n.fma(broadcast(-LN2_LOW), r);
        FloatVector p = r.fma(broadcast(1.9875691e-4f), broadcast(0x1.6e879cp-10f));
        p = p.fma(r, broadcast(8.333452e-3f));
        p = p.fma(r, broadcast(4.1665796e-2f));
        p = p.fma(r, broadcast(0x1.555554p-3f));
        p = p.fma(r, broadcast(0.5f));
        p = p.fma(r.mul(r), r).add(1f);
        FloatVector scale =
                shifted.reinterpretAsInts()
                        .sub(ROUND_BITS - EXPONENT_BIAS)
                        .lanewise(VectorOperators.LSHL, MANTISSA_BITS)
                        .reinterpretAsFloats();
        return p.mul(scale)
                .blend(0f, x.compare(VectorOperators.LT, EXP_MIN))
                .blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, EXP_MAX));
    }

    /** {@code x · σ(t)}: SILU with t = x, and GELU's tanh form, as (1 + tanh(t/2)) / 2 = σ(t). */
    static FloatVector timesSigmoid(FloatVector x, FloatVector t) {
        return x.div(exp(t.neg()).add(1f));
    }

    /** Hyperbolic tangent, absolute error below 2e-7, relative below 4e-7. */
    static FloatVector tanh(FloatVector x) {
        FloatVector t = x.abs();
        // Near 0, 1 - 2 / (e^2t + 1) would cancel: Taylor to x^13 there, which ends below 2e-8.
        FloatVector s = x.mul(x);
        FloatVector p = s.fma(broadcast(3.592128e-3f), broadcast(-8.863236e-3f));
        p = p.fma(s, broadcast(2.1869488e-2f));
        p = p.fma(s, broadcast(-5.3968254e-2f));
        p = p.fma(s, broadcast(1.3333333e-1f));
        p = p.fma(s, broadcast(-3.3333334e-1f));
        FloatVector near = p.mul(s).fma(x, x);
        FloatVector e = exp(t.add(t));
        FloatVector far = broadcast(1f).sub(broadcast(2f).div(e.add(1f)));
        far = far.blend(far.neg(), x.compare(VectorOperators.LT, 0f));
        return far.blend(near, t.compare(VectorOperators.LT, 0.5f));
    }

    /** {@code x · Φ(x)}, Φ the normal distribution function: GELU as it is defined. */
    static FloatVector geluExact(FloatVector x) {
        // erf by two polynomials after N. Juffa: near 0 erf(a) itself, farther log(1 - erf(|a|)).
        FloatVector a = x.mul(0x1.6a09e6p-1f);
        FloatVector t = a.abs();
        FloatVector s = a.mul(a);
        FloatVector far = t.fma(broadcast(-1.7285347e-5f), broadcast(3.8319713e-4f));
        FloatVector u = t.fma(broadcast(-3.8839644e-3f), broadcast(2.4254622e-2f));
        far = far.fma(s, u);
        far = far.fma(t, broadcast(-1.0677788e-1f));
        far = far.fma(t, broadcast(-6.348467e-1f));
        far = far.fma(t, broadcast(-1.2871751e-1f));
        far = exp(far.fma(t, t.neg())); // 1 - erf(|a|), so the negative side keeps its digits
        far = broadcast(2f).sub(far).blend(far, x.compare(VectorOperators.LT, 0f));
        FloatVector near = s.fma(broadcast(-5.967617e-4f), broadcast(4.9911942e-3f));
        near = near.fma(s, broadcast(-2.6768135e-2f));
        near = near.fma(s, broadcast(1.12819925e-1f));
        near = near.fma(s, broadcast(-3.7612534e-1f));
        near = near.fma(s, broadcast(1.2837917e-1f));
        near = near.fma(a, a).add(1f);
        return x.mul(0.5f).mul(far.blend(near, t.compare(VectorOperators.LT, 0.921875f)));
    }

    /** GELU in its tanh form, written with the logistic function. */
    static FloatVector geluTanh(FloatVector x) {
        // t = 2 √(2/π) (x + 0.044715 x³)
        FloatVector cubic = x.mul(x).fma(broadcast(0x1.2444f2p-4f), broadcast(0x1.988454p+0f));
        return timesSigmoid(x, x.mul(cubic));
    }

    static FloatVector relu(FloatVector x) {
        return x.blend(0f, x.compare(VectorOperators.LT, 0f));
    }
}
