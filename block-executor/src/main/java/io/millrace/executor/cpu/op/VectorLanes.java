package io.millrace.executor.cpu.op;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
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
public final class VectorLanes {
    /** The widest vectors of this processor. */
    public static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    /** Floats of a vector, a power of 2. */
    public static final int LENGTH = SPECIES.length();

    private static final VectorSpecies<Double> DOUBLES =
            VectorSpecies.of(double.class, SPECIES.vectorShape());
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    private static final VectorShuffle<Float> BY_8 = rotate(8);
    private static final VectorShuffle<Float> BY_4 = rotate(4);
    private static final VectorShuffle<Float> BY_2 = rotate(2);
    private static final VectorShuffle<Float> BY_1 = rotate(1);

    // exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2; ln 2 in two parts so that r is
    // exact.
    static final float LOG2_E = 0x1.715476p+0f;
    static final float LN2_HIGH = 0x1.62e400p-1f;
    static final float LN2_LOW = 0x1.7f7d1cp-20f;
    static final float ROUND = 0x1.8p23f; // adding it leaves the nearest integer in the low bits
    static final int ROUND_BITS = Float.floatToRawIntBits(ROUND);
    static final int EXPONENT_BIAS = 127;
    static final int MANTISSA_BITS = 23;
    static final float EXP_7 = 1.9875691e-4f;
    static final float EXP_6 = 0x1.6e879cp-10f;
    static final float EXP_5 = 8.333452e-3f;
    static final float EXP_4 = 4.1665796e-2f;
    static final float EXP_3 = 0x1.555554p-3f;
    static final float EXP_MIN = -8.733654e1f; // below, the result would be subnormal: 0
    static final float EXP_MAX = 8.837626e1f; // above, 2^n would not be a float: infinity

    // tanh(x) ~ x P(x²) / Q(x²) on [-7.9, 7.9]; log(2 Φ(-t)) ~ t TAIL(t); 2 √(2/π) (x + 0.044715
    // x³).
    static final float TANH_P13 = -0x1.3e4b80p-52f;
    static final float TANH_P11 = 0x1.c266fcp-43f;
    static final float TANH_P9 = -0x1.7a6ffep-34f;
    static final float TANH_P7 = 0x1.b80082p-25f;
    static final float TANH_P5 = 0x1.f28694p-17f;
    static final float TANH_P3 = 0x1.4e1bdap-11f;
    static final float TANH_P1 = 0x1.40b3b8p-8f;
    static final float TANH_Q6 = 0x1.41a7b0p-20f;
    static final float TANH_Q4 = 0x1.f12bacp-14f;
    static final float TANH_Q2 = 0x1.29540ap-9f;
    static final float TANH_Q0 = 0x1.40b3bap-8f;
    static final float TAIL_8 = -0x1.07bd46p-19f;
    static final float TAIL_7 = 0x1.c9ed1ep-16f;
    static final float TAIL_6 = -0x1.0ea358p-13f;
    static final float TAIL_5 = -0x1.8e1c7cp-14f;
    static final float TAIL_4 = 0x1.40dd14p-8f;
    static final float TAIL_3 = -0x1.2a1648p-5f;
    static final float TAIL_2 = -0x1.45f024p-2f;
    static final float TAIL_1 = -0x1.98846cp-1f;

    static final float TANH_END = 7.905311f; // beyond, tanh is 1 in float

    /** In {@code x · σ(1.702 x)}. */
    public static final float GELU_SIGMOID_SCALE = 1.702f;

    /** In {@code x · σ(x (GELU_LINEAR + GELU_CUBIC x²))}: GELU's tanh form. */
    public static final float GELU_CUBIC = 0x1.2444f2p-4f;

    /** Beside {@link #GELU_CUBIC}. */
    public static final float GELU_LINEAR = 0x1.988454p+0f;

    private VectorLanes() {}

    private static VectorShuffle<Float> rotate(int by) {
        return VectorShuffle.iota(SPECIES, by % LENGTH, 1, true);
    }

    /** A vector of floats, index counting them. */
    public static FloatVector load(MemorySegment segment, long index) {
        return FloatVector.fromMemorySegment(SPECIES, segment, index * Float.BYTES, ORDER);
    }

    /** The same of some lanes, and 0 in the others. */
    public static FloatVector load(MemorySegment segment, long index, VectorMask<Float> mask) {
        return FloatVector.fromMemorySegment(SPECIES, segment, index * Float.BYTES, ORDER, mask);
    }

    /** Writes a vector. */
    public static void store(FloatVector vector, MemorySegment segment, long index) {
        vector.intoMemorySegment(segment, index * Float.BYTES, ORDER);
    }

    /** Writes some of its lanes. */
    public static void store(
            FloatVector vector, MemorySegment segment, long index, VectorMask<Float> mask) {
        vector.intoMemorySegment(segment, index * Float.BYTES, ORDER, mask);
    }

    /** The lanes that are left of a loop to {@code end}. */
    public static VectorMask<Float> tail(long index, long end) {
        return SPECIES.indexInRange(index, end);
    }

    /** One value in all lanes. */
    public static FloatVector broadcast(float value) {
        return FloatVector.broadcast(SPECIES, value);
    }

    /** The whole numbers from one on, as floats. */
    public static FloatVector counting(int first) {
        return broadcast(first).addIndex(1);
    }

    /** Sum of the lanes as a balanced tree; reduceLanes leaves the order open. */
    public static float sum(FloatVector v) {
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

    /** Adds each lane to a double. */
    static void addTo(double[] sums, int index, FloatVector v) {
        for (int part = 0; part < LENGTH / DOUBLES.length(); part++) {
            int at = index + part * DOUBLES.length();
            DoubleVector wide = (DoubleVector) v.convertShape(VectorOperators.F2D, DOUBLES, part);
            DoubleVector.fromArray(DOUBLES, sums, at).add(wide).intoArray(sums, at);
        }
    }

    /** The largest lane; where some are NaN, any lane. */
    public static float max(FloatVector v) {
        FloatVector m = v;
        if (LENGTH >= 16) {
            m = larger(m, m.rearrange(BY_8));
        }
        if (LENGTH >= 8) {
            m = larger(m, m.rearrange(BY_4));
        }
        if (LENGTH >= 4) {
            m = larger(m, m.rearrange(BY_2));
        }
        return larger(m, m.rearrange(BY_1)).lane(0);
    }

    /** The larger of each pair, the first where either is NaN: one blend, unlike Java's max. */
    public static FloatVector larger(FloatVector a, FloatVector b) {
        return a.blend(b, b.compare(VectorOperators.GT, a));
    }

    /** Natural exponential, relative error below 1.5e-7; 0 below -87.3, infinity above 88.3. */
    public static FloatVector exp(FloatVector x) {
        return expUpTo0(x).blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, EXP_MAX));
    }

    /** {@link #exp} of what is never above 88.3. */
    public static FloatVector expUpTo0(FloatVector x) {
        return expWithin(x).blend(0f, x.compare(VectorOperators.LT, EXP_MIN));
    }

    /** {@link #exp} of what is between -87.3 and 88.3, with fewer steps. */
    public static FloatVector expWithin(FloatVector x) {
        FloatVector shifted = x.fma(broadcast(LOG2_E), broadcast(ROUND));
        FloatVector n = shifted.sub(ROUND);
        FloatVector r = n.fma(broadcast(-LN2_HIGH), x);
        r = n.fma(broadcast(-LN2_LOW), r);
        FloatVector p = r.fma(broadcast(EXP_7), broadcast(EXP_6));
        p = p.fma(r, broadcast(EXP_5));
        p = p.fma(r, broadcast(EXP_4));
        p = p.fma(r, broadcast(EXP_3));
        p = p.fma(r, broadcast(0.5f));
        p = p.fma(r.mul(r), r).add(1f);
        FloatVector scale =
                shifted.reinterpretAsInts()
                        .sub(ROUND_BITS - EXPONENT_BIAS)
                        .lanewise(VectorOperators.LSHL, MANTISSA_BITS)
                        .reinterpretAsFloats();
        return p.mul(scale);
    }

    /** {@code x · σ(t)}: SILU with t = x, and GELU's tanh form, as (1 + tanh(t/2)) / 2 = σ(t). */
    static FloatVector timesSigmoid(FloatVector x, FloatVector t) {
        return x.div(exp(t.neg()).add(1f));
    }

    /**
     * Hyperbolic tangent, relative error below 3e-7 for every float (2.92e-7 near 5.13): an odd
     * rational function of degrees 13 and 6.
     */
    public static FloatVector tanh(FloatVector x) {
        FloatVector t = x.blend(TANH_END, x.compare(VectorOperators.GT, TANH_END));
        t = t.blend(-TANH_END, t.compare(VectorOperators.LT, -TANH_END));
        FloatVector s = t.mul(t);
        FloatVector p = s.fma(broadcast(TANH_P13), broadcast(TANH_P11));
        p = p.fma(s, broadcast(TANH_P9));
        p = p.fma(s, broadcast(TANH_P7));
        p = p.fma(s, broadcast(TANH_P5));
        p = p.fma(s, broadcast(TANH_P3));
        p = p.fma(s, broadcast(TANH_P1));
        FloatVector q = s.fma(broadcast(TANH_Q6), broadcast(TANH_Q4));
        q = q.fma(s, broadcast(TANH_Q2));
        q = q.fma(s, broadcast(TANH_Q0));
        return p.mul(t).div(q);
    }

    /** {@code x · Φ(x)}, Φ the normal distribution function: GELU as it is defined, to 1e-7 |x|. */
    static FloatVector geluExact(FloatVector x) {
        FloatVector twice = expUpTo0(logTwiceNormalTail(x.abs()));
        FloatVector other = broadcast(2f).sub(twice);
        return x.mul(0.5f).mul(other.blend(twice, x.compare(VectorOperators.LT, 0f)));
    }

    /**
     * {@code log(2 Φ(-t))} for t from 0 on, Φ the normal distribution function. One polynomial is
     * enough: fitted on [0, 5.5] with weight Φ(-t), falling without end.
     */
    public static FloatVector logTwiceNormalTail(FloatVector t) {
        FloatVector p = t.fma(broadcast(TAIL_8), broadcast(TAIL_7));
        p = p.fma(t, broadcast(TAIL_6));
        p = p.fma(t, broadcast(TAIL_5));
        p = p.fma(t, broadcast(TAIL_4));
        p = p.fma(t, broadcast(TAIL_3));
        p = p.fma(t, broadcast(TAIL_2));
        p = p.fma(t, broadcast(TAIL_1));
        return p.mul(t);
    }

    /** GELU in its tanh form, written with the logistic function. */
    static FloatVector geluTanh(FloatVector x) {
        // t = 2 √(2/π) (x + 0.044715 x³)
        FloatVector cubic = x.mul(x).fma(broadcast(GELU_CUBIC), broadcast(GELU_LINEAR));
        return timesSigmoid(x, x.mul(cubic));
    }

    static FloatVector relu(FloatVector x) {
        return x.blend(0f, x.compare(VectorOperators.LT, 0f));
    }
}
