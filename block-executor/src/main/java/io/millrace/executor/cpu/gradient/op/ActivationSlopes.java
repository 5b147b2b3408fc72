package io.millrace.executor.cpu.gradient.op;

import io.millrace.executor.cpu.op.Scalars;
import io.millrace.executor.cpu.op.VectorLanes;
import io.millrace.model.spec.Activation;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Derivatives of the {@link Activation}s, of vectors and, to the same bit, of one float; to an
 * absolute error of 1e-6. Arguments far out are taken for nearer ones: derivatives there are those
 * at infinity, and nothing overflows on the way to them. That of a NaN is NaN.
 *
 * <p>Each has one exponential: the more there is in a loop, the more of its vectors C2 leaves on
 * the heap.
 */
final class ActivationSlopes {
    // No σ(t) beyond these ends is a normal float, t being x, 1.702 x and GELU's cubic.
    private static final float SILU_END = 87;
    private static final float GELU_SIGMOID_END = 51;
    private static final float GELU_TANH_END = 10;

    // There |x| φ(x) is 2e-9.
    private static final float GELU_EXACT_END = 6.5f;

    // φ(t) / (2 Φ(-t)), fitted on [0, 5.5] with weight t Φ(-t) to 3e-8.
    private static final float HAZARD_7 = 0x1.7ac5a0p-18f;
    private static final float HAZARD_6 = -0x1.2e6502p-14f;
    private static final float HAZARD_5 = 0x1.3069c6p-12f;
    private static final float HAZARD_4 = 0x1.ca1de2p-12f;
    private static final float HAZARD_3 = -0x1.47f962p-7f;
    private static final float HAZARD_2 = 0x1.c01e92p-5f;
    private static final float HAZARD_1 = 0x1.45e82ep-2f;
    private static final float HAZARD_0 = 0x1.988512p-2f;

    private ActivationSlopes() {}

    /** The derivative of any. */
    static float of(Activation activation, float x) {
        return switch (activation) {
            case RELU -> x > 0f ? 1f : x <= 0f ? 0f : x;
            case GELU_EXACT -> geluExact(x);
            case GELU_TANH -> geluTanh(x);
            case SILU -> silu(x);
            case TANH -> tanh(x);
            case GELU_SIGMOID -> geluSigmoid(x);
        };
    }

    /** 1 above 0, and 0 at 0, as PyTorch has it. */
    static FloatVector relu(FloatVector x) {
        FloatVector slope = x.blend(1f, x.compare(VectorOperators.GT, 0f));
        return slope.blend(0f, x.compare(VectorOperators.LE, 0f));
    }

    /**
     * {@code Φ(x) + x φ(x)}, φ the normal density; below 0, with t = |x|, that is {@code 2 Φ(-t)
     * (1/2 − t φ(t) / (2 Φ(-t)))}, and above it 1 less what it is on the other side.
     */
    static FloatVector geluExact(FloatVector x) {
        FloatVector t = x.abs().min(GELU_EXACT_END);
        FloatVector h = t.fma(VectorLanes.broadcast(HAZARD_7), VectorLanes.broadcast(HAZARD_6));
        h = h.fma(t, VectorLanes.broadcast(HAZARD_5));
        h = h.fma(t, VectorLanes.broadcast(HAZARD_4));
        h = h.fma(t, VectorLanes.broadcast(HAZARD_3));
        h = h.fma(t, VectorLanes.broadcast(HAZARD_2));
        h = h.fma(t, VectorLanes.broadcast(HAZARD_1));
        h = h.fma(t, VectorLanes.broadcast(HAZARD_0));
        FloatVector twice = VectorLanes.expWithin(VectorLanes.logTwiceNormalTail(t));
        FloatVector below = twice.mul(VectorLanes.broadcast(0.5f).sub(t.mul(h)));
        return VectorLanes.broadcast(1f).sub(below).blend(below, x.compare(VectorOperators.LT, 0f));
    }

    private static float geluExact(float x) {
        float t = Math.min(Math.abs(x), GELU_EXACT_END);
        float h = Math.fma(t, HAZARD_7, HAZARD_6);
        h = Math.fma(h, t, HAZARD_5);
        h = Math.fma(h, t, HAZARD_4);
        h = Math.fma(h, t, HAZARD_3);
        h = Math.fma(h, t, HAZARD_2);
        h = Math.fma(h, t, HAZARD_1);
        h = Math.fma(h, t, HAZARD_0);
        float twice = Scalars.expUpTo0(Scalars.logTwiceNormalTail(t));
        float below = twice * (0.5f - t * h);
        return x < 0f ? below : 1f - below;
    }

    /** Of {@code x σ(t)}, {@code t = x (a + b x²)} and {@code dt/dx = a + 3 b x²}. */
    static FloatVector geluTanh(FloatVector any) {
        FloatVector x = any.min(GELU_TANH_END).max(-GELU_TANH_END);
        FloatVector cubic = x.mul(x).mul(VectorLanes.GELU_CUBIC);
        FloatVector linear = VectorLanes.broadcast(VectorLanes.GELU_LINEAR);
        return ofGate(x, x.mul(cubic.add(linear)), cubic.mul(3f).add(linear));
    }

    private static float geluTanh(float any) {
        float x = Math.max(Math.min(any, GELU_TANH_END), -GELU_TANH_END);
        float cubic = x * x * VectorLanes.GELU_CUBIC;
        float t = x * (cubic + VectorLanes.GELU_LINEAR);
        return ofGate(x, t, cubic * 3f + VectorLanes.GELU_LINEAR);
    }

    /** Of {@code x σ(x)}. */
    static FloatVector silu(FloatVector any) {
        FloatVector x = any.min(SILU_END).max(-SILU_END);
        return ofGate(x, x, VectorLanes.broadcast(1f));
    }

    private static float silu(float any) {
        float x = Math.max(Math.min(any, SILU_END), -SILU_END);
        return ofGate(x, x, 1f);
    }

    /** Of {@code x σ(1.702 x)}. */
    static FloatVector geluSigmoid(FloatVector any) {
        FloatVector x = any.min(GELU_SIGMOID_END).max(-GELU_SIGMOID_END);
        FloatVector scale = VectorLanes.broadcast(VectorLanes.GELU_SIGMOID_SCALE);
        return ofGate(x, x.mul(scale), scale);
    }

    private static float geluSigmoid(float any) {
        float x = Math.max(Math.min(any, GELU_SIGMOID_END), -GELU_SIGMOID_END);
        return ofGate(x, x * VectorLanes.GELU_SIGMOID_SCALE, VectorLanes.GELU_SIGMOID_SCALE);
    }

    /** {@code 1 − tanh²(x) = 4 e / (1 + e)²}, e = exp(−2|x|): nothing cancels in the tails. */
    static FloatVector tanh(FloatVector x) {
        FloatVector e = VectorLanes.expUpTo0(x.abs().mul(-2f));
        FloatVector part = VectorLanes.broadcast(2f).div(e.add(1f));
        return part.mul(part).mul(e);
    }

    static float tanh(float x) {
        float e = Scalars.expUpTo0(Math.abs(x) * -2f);
        float part = 2f / (e + 1f);
        return part * part * e;
    }

    /**
     * {@code d/dx x σ(t) = σ(t) (1 + x (1 − σ(t)) dt/dx)}. With e = exp(−t), 1 − σ(t) is e σ(t),
     * which loses nothing where σ(t) is close to 1.
     */
    private static FloatVector ofGate(FloatVector x, FloatVector t, FloatVector ofT) {
        FloatVector e = VectorLanes.expWithin(t.neg());
        FloatVector one = VectorLanes.broadcast(1f);
        FloatVector sigmoid = one.div(e.add(one));
        return sigmoid.mul(x.mul(e.mul(sigmoid)).mul(ofT).add(one));
    }

    private static float ofGate(float x, float t, float ofT) {
        float e = Scalars.expUpTo0(-t);
        float sigmoid = 1f / (e + 1f);
        return sigmoid * (x * (e * sigmoid) * ofT + 1f);
    }
}
