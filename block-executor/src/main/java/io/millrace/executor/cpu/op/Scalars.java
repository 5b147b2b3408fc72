package io.millrace.executor.cpu.op;

import io.millrace.model.spec.Activation;

/**
 * The functions of {@link VectorLanes} for one float, to the same bit: the same operations in
 * order.
 */
public final class Scalars {
    private Scalars() {}

    static float exp(float x) {
        return x > VectorLanes.EXP_MAX ? Float.POSITIVE_INFINITY : expUpTo0(x);
    }

    /** {@link VectorLanes#expUpTo0}. */
    public static float expUpTo0(float x) {
        if (x < VectorLanes.EXP_MIN) {
            return 0f;
        }
        float shifted = Math.fma(x, VectorLanes.LOG2_E, VectorLanes.ROUND);
        float n = shifted - VectorLanes.ROUND;
        float r = Math.fma(n, -VectorLanes.LN2_HIGH, x);
        r = Math.fma(n, -VectorLanes.LN2_LOW, r);
        float p = Math.fma(r, VectorLanes.EXP_7, VectorLanes.EXP_6);
        p = Math.fma(p, r, VectorLanes.EXP_5);
        p = Math.fma(p, r, VectorLanes.EXP_4);
        p = Math.fma(p, r, VectorLanes.EXP_3);
        p = Math.fma(p, r, 0.5f);
        p = Math.fma(p, r * r, r) + 1f;
        int exponent =
                Float.floatToRawIntBits(shifted)
                        - (VectorLanes.ROUND_BITS - VectorLanes.EXPONENT_BIAS);
        return p * Float.intBitsToFloat(exponent << VectorLanes.MANTISSA_BITS);
    }

    static float tanh(float x) {
        float t = x > VectorLanes.TANH_END ? VectorLanes.TANH_END : x;
        t = t < -VectorLanes.TANH_END ? -VectorLanes.TANH_END : t;
        float s = t * t;
        float p = Math.fma(s, VectorLanes.TANH_P13, VectorLanes.TANH_P11);
        p = Math.fma(p, s, VectorLanes.TANH_P9);
        p = Math.fma(p, s, VectorLanes.TANH_P7);
        p = Math.fma(p, s, VectorLanes.TANH_P5);
        p = Math.fma(p, s, VectorLanes.TANH_P3);
        p = Math.fma(p, s, VectorLanes.TANH_P1);
        float q = Math.fma(s, VectorLanes.TANH_Q6, VectorLanes.TANH_Q4);
        q = Math.fma(q, s, VectorLanes.TANH_Q2);
        q = Math.fma(q, s, VectorLanes.TANH_Q0);
        return p * t / q;
    }

    static float softcap(float x, float cap, float inverse) {
        return tanh(x * inverse) * cap;
    }

    static float apply(Activation activation, float x) {
        return switch (activation) {
            case RELU -> x < 0f ? 0f : x;
            case GELU_EXACT -> geluExact(x);
            case GELU_TANH ->
                    timesSigmoid(
                            x,
                            x * Math.fma(x * x, VectorLanes.GELU_CUBIC, VectorLanes.GELU_LINEAR));
            case SILU -> timesSigmoid(x, x);
            case TANH -> softcap(x, 1, 1);
            case GELU_SIGMOID -> timesSigmoid(x, x * VectorLanes.GELU_SIGMOID_SCALE);
        };
    }

    private static float timesSigmoid(float x, float t) {
        return x / (exp(-t) + 1f);
    }

    private static float geluExact(float x) {
        float twice = expUpTo0(logTwiceNormalTail(Math.abs(x)));
        return x * 0.5f * (x < 0f ? twice : 2f - twice);
    }

    /** {@link VectorLanes#logTwiceNormalTail}. */
    public static float logTwiceNormalTail(float t) {
        float p = Math.fma(t, VectorLanes.TAIL_8, VectorLanes.TAIL_7);
        p = Math.fma(p, t, VectorLanes.TAIL_6);
        p = Math.fma(p, t, VectorLanes.TAIL_5);
        p = Math.fma(p, t, VectorLanes.TAIL_4);
        p = Math.fma(p, t, VectorLanes.TAIL_3);
        p = Math.fma(p, t, VectorLanes.TAIL_2);
        p = Math.fma(p, t, VectorLanes.TAIL_1);
        return p * t;
    }
}
