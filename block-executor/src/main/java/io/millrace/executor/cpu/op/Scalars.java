package io.millrace.executor.cpu.op;

import io.millrace.model.spec.Activation;

/** The functions of {@link Lanes} for one float, to the same bit: the same operations in order. */
final class Scalars {
    private Scalars() {}

    static float exp(float x) {
        return x > Lanes.EXP_MAX ? Float.POSITIVE_INFINITY : expUpTo0(x);
    }

    static float expUpTo0(float x) {
        if (x < Lanes.EXP_MIN) {
            return 0f;
        }
        float shifted = Math.fma(x, Lanes.LOG2_E, Lanes.ROUND);
        float n = shifted - Lanes.ROUND;
        float r = Math.fma(n, -Lanes.LN2_HIGH, x);
        r = Math.fma(n, -Lanes.LN2_LOW, r);
        float p = Math.fma(r, Lanes.EXP_7, Lanes.EXP_6);
        p = Math.fma(p, r, Lanes.EXP_5);
        p = Math.fma(p, r, Lanes.EXP_4);
        p = Math.fma(p, r, Lanes.EXP_3);
        p = Math.fma(p, r, 0.5f);
        p = Math.fma(p, r * r, r) + 1f;
        int exponent = Float.floatToRawIntBits(shifted) - (Lanes.ROUND_BITS - Lanes.EXPONENT_BIAS);
        return p * Float.intBitsToFloat(exponent << Lanes.MANTISSA_BITS);
    }

    static float tanh(float x) {
        float t = x > Lanes.TANH_END ? Lanes.TANH_END : x;
        t = t < -Lanes.TANH_END ? -Lanes.TANH_END : t;
        float s = t * t;
        float p = Math.fma(s, Lanes.TANH_P13, Lanes.TANH_P11);
        p = Math.fma(p, s, Lanes.TANH_P9);
        p = Math.fma(p, s, Lanes.TANH_P7);
        p = Math.fma(p, s, Lanes.TANH_P5);
        p = Math.fma(p, s, Lanes.TANH_P3);
        p = Math.fma(p, s, Lanes.TANH_P1);
        float q = Math.fma(s, Lanes.TANH_Q6, Lanes.TANH_Q4);
        q = Math.fma(q, s, Lanes.TANH_Q2);
        q = Math.fma(q, s, Lanes.TANH_Q0);
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
                    timesSigmoid(x, x * Math.fma(x * x, Lanes.GELU_CUBIC, Lanes.GELU_LINEAR));
            case SILU -> timesSigmoid(x, x);
        };
    }

    private static float timesSigmoid(float x, float t) {
        return x / (exp(-t) + 1f);
    }

    private static float geluExact(float x) {
        float t = Math.abs(x);
        float p = Math.fma(t, Lanes.TAIL_8, Lanes.TAIL_7);
        p = Math.fma(p, t, Lanes.TAIL_6);
        p = Math.fma(p, t, Lanes.TAIL_5);
        p = Math.fma(p, t, Lanes.TAIL_4);
        p = Math.fma(p, t, Lanes.TAIL_3);
        p = Math.fma(p, t, Lanes.TAIL_2);
        p = Math.fma(p, t, Lanes.TAIL_1);
        float twice = expUpTo0(p * t);
        return x * 0.5f * (x < 0f ? twice : 2f - twice);
    }
}
