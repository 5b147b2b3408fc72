package io.millrace.executor.cpu.op;

import io.millrace.model.spec.Activation;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Element-wise functions on ranges; offsets and counts in floats. In and out may be the same range.
 */
public final class Activations {
    // A gated product makes two passes, the second over what the first left in the L1 cache.
    private static final long GATED_CHUNK = 2048;

    private Activations() {}

    /** {@code out[i] = activation(in[i])}. */
    public static void apply(
            Activation activation,
            MemorySegment in,
            long inOffset,
            MemorySegment out,
            long outOffset,
            long count) {
        long done =
                switch (activation) {
                    case RELU -> relu(in, inOffset, out, outOffset, count);
                    case GELU_EXACT -> geluExact(in, inOffset, out, outOffset, count);
                    case GELU_TANH -> geluTanh(in, inOffset, out, outOffset, count);
                    case SILU -> silu(in, inOffset, out, outOffset, count);
                    case GELU_SIGMOID -> geluSigmoid(in, inOffset, out, outOffset, count);
                    case TANH -> {
                        softcap(1, in, inOffset, out, outOffset, count);
                        yield count;
                    }
                };
        for (long i = done; i < count; i++) {
            float x = CheckedFloats.get(in, inOffset + i);
            CheckedFloats.set(out, outOffset + i, Scalars.apply(activation, x));
        }
    }

    /** {@code out[i] = activation(gate[i]) · up[i]}; out may be gate, but not up. */
    public static void gated(
            Activation activation,
            MemorySegment gate,
            long gateOffset,
            MemorySegment up,
            long upOffset,
            MemorySegment out,
            long outOffset,
            long count) {
        for (long done = 0; done < count; done += GATED_CHUNK) {
            long chunk = Math.min(GATED_CHUNK, count - done);
            apply(activation, gate, gateOffset + done, out, outOffset + done, chunk);
            multiply(up, upOffset + done, out, outOffset + done, chunk);
        }
    }

    /** {@code out[i] = cap · tanh(in[i] / cap)}. */
    public static void softcap(
            float cap,
            MemorySegment in,
            long inOffset,
            MemorySegment out,
            long outOffset,
            long count) {
        float inverse = 1f / cap;
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector v = VectorLanes.load(in, inOffset + i);
            VectorLanes.store(VectorLanes.tanh(v.mul(inverse)).mul(cap), out, outOffset + i);
        }
        for (; i < count; i++) {
            float x = CheckedFloats.get(in, inOffset + i);
            CheckedFloats.set(out, outOffset + i, Scalars.softcap(x, cap, inverse));
        }
    }

    private static long relu(
            MemorySegment in, long inOffset, MemorySegment out, long outOffset, long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector v = VectorLanes.load(in, inOffset + i);
            VectorLanes.store(VectorLanes.relu(v), out, outOffset + i);
        }
        return i;
    }

    private static long geluExact(
            MemorySegment in, long inOffset, MemorySegment out, long outOffset, long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector v = VectorLanes.load(in, inOffset + i);
            VectorLanes.store(VectorLanes.geluExact(v), out, outOffset + i);
        }
        return i;
    }

    private static long geluTanh(
            MemorySegment in, long inOffset, MemorySegment out, long outOffset, long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector v = VectorLanes.load(in, inOffset + i);
            VectorLanes.store(VectorLanes.geluTanh(v), out, outOffset + i);
        }
        return i;
    }

    private static long silu(
            MemorySegment in, long inOffset, MemorySegment out, long outOffset, long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector v = VectorLanes.load(in, inOffset + i);
            VectorLanes.store(VectorLanes.timesSigmoid(v, v), out, outOffset + i);
        }
        return i;
    }

    private static long geluSigmoid(
            MemorySegment in, long inOffset, MemorySegment out, long outOffset, long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector v = VectorLanes.load(in, inOffset + i);
            FloatVector t = v.mul(VectorLanes.GELU_SIGMOID_SCALE);
            VectorLanes.store(VectorLanes.timesSigmoid(v, t), out, outOffset + i);
        }
        return i;
    }

    /** {@code x[i] = clamp(x[i], low, high) + summand}; what is no number stays that. */
    public static void clamp(
            float low, float high, float summand, MemorySegment x, long offset, long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector v = VectorLanes.load(x, offset + i);
            v = v.blend(low, v.compare(VectorOperators.LT, low));
            v = v.blend(high, v.compare(VectorOperators.GT, high));
            VectorLanes.store(v.add(summand), x, offset + i);
        }
        for (; i < count; i++) {
            float v = CheckedFloats.get(x, offset + i);
            v = v < low ? low : v;
            CheckedFloats.set(x, offset + i, (v > high ? high : v) + summand);
        }
    }

    private static void multiply(
            MemorySegment factor,
            long factorOffset,
            MemorySegment out,
            long outOffset,
            long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector v = VectorLanes.load(out, outOffset + i);
            VectorLanes.store(
                    v.mul(VectorLanes.load(factor, factorOffset + i)), out, outOffset + i);
        }
        if (i < count) {
            VectorMask<Float> tail = VectorLanes.tail(i, count);
            FloatVector v = VectorLanes.load(out, outOffset + i, tail);
            VectorLanes.store(
                    v.mul(VectorLanes.load(factor, factorOffset + i, tail)),
                    out,
                    outOffset + i,
                    tail);
        }
    }
}
