package io.millrace.executor.cpu.gradient.op;

import io.millrace.executor.cpu.op.VectorLanes;
import io.millrace.model.spec.Activation;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Derivatives of the {@link Activation}s, to an absolute error of 1e-6. Arguments beyond ±{@value
 * #END} are taken for that: derivatives there are those at infinity, and nothing overflows on the
 * way to them. That of a NaN is NaN.
 */
final class ActivationSlopes {
    private static final float END = 88;
    private static final float NORMAL = 0x1.988454p-2f; // 1 / √(2π)

    private ActivationSlopes() {}

    /** The derivative of any. */
    static FloatVector of(Activation activation, FloatVector x) {
        return switch (activation) {
            case RELU -> relu(x);
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

    /** {@code Φ(x) + x φ(x)}, φ the normal density. */
    static FloatVector geluExact(FloatVector any) {
        FloatVector x = inside(any);
        FloatVector below = VectorLanes.twiceNormalTail(x.abs()).mul(0.5f);
        FloatVector above = VectorLanes.broadcast(1f).sub(below);
        FloatVector density = VectorLanes.expUpTo0(x.mul(x).mul(-0.5f)).mul(NORMAL);
        return x.fma(density, above.blend(below, x.compare(VectorOperators.LT, 0f)));
    }

    /** Of {@code x σ(t)}, {@code t = x (a + b x²)} and {@code dt/dx = a + 3 b x²}. */
    static FloatVector geluTanh(FloatVector any) {
        FloatVector x = inside(any);
        FloatVector cubic = x.mul(x).mul(VectorLanes.GELU_CUBIC);
        FloatVector t = x.mul(cubic.add(VectorLanes.GELU_LINEAR));
        return ofGate(x, t, cubic.mul(3f).add(VectorLanes.GELU_LINEAR));
    }

    /** Of {@code x σ(x)}. */
    static FloatVector silu(FloatVector any) {
        FloatVector x = inside(any);
        return ofGate(x, x, VectorLanes.broadcast(1f));
    }

    /** Of {@code x σ(1.702 x)}. */
    static FloatVector geluSigmoid(FloatVector any) {
        FloatVector x = inside(any);
        float scale = VectorLanes.GELU_SIGMOID_SCALE;
        return ofGate(x, x.mul(scale), VectorLanes.broadcast(scale));
    }

    /** {@code 1 − tanh²(x) = 4 e / (1 + e)²}, e = exp(−2|x|): nothing cancels in the tails. */
    static FloatVector tanh(FloatVector x) {
        FloatVector e = VectorLanes.expUpTo0(x.abs().mul(-2f));
        FloatVector part = VectorLanes.broadcast(2f).div(e.add(1f));
        return part.mul(part).mul(e);
    }

    /**
     * {@code d/dx x σ(t) = σ(t) (1 + x (1 − σ(t)) dt/dx)}. With e = exp(−t), 1 − σ(t) is e σ(t),
     * which loses nothing where σ(t) is close to 1.
     */
    private static FloatVector ofGate(FloatVector x, FloatVector t, FloatVector ofT) {
        FloatVector e = VectorLanes.expUpTo0(inside(t).neg());
        FloatVector sigmoid = VectorLanes.broadcast(1f).div(e.add(1f));
        FloatVector inner = x.mul(e.mul(sigmoid)).mul(ofT);
        return sigmoid.mul(inner.add(1f));
    }

    private static FloatVector inside(FloatVector x) {
        FloatVector most = x.blend(END, x.compare(VectorOperators.GT, END));
        return most.blend(-END, most.compare(VectorOperators.LT, -END));
    }
}
