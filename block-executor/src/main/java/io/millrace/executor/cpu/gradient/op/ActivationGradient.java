package io.millrace.executor.cpu.gradient.op;

import io.millrace.executor.cpu.op.Activations;
import io.millrace.executor.cpu.op.CheckedFloats;
import io.millrace.executor.cpu.op.Rows;
import io.millrace.executor.cpu.op.VectorLanes;
import io.millrace.model.spec.Activation;
import io.millrace.model.spec.GatedUnit;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The way back through {@link Activations}, over ranges; offsets and counts in floats. Gates and
 * what they gate lie apart: where one matrix gives both alternating, {@link Rows#part} has parted
 * them, and {@link Rows#join} joins their gradients.
 */
public final class ActivationGradient {
    // Gated products make several passes, all but the first over what is in the L1 cache.
    private static final long CHUNK = 1024;

    private ActivationGradient() {}

    /**
     * {@code gradient[i] *= activation'(x[i])}: the gradient of what an activation gave becomes
     * that of what it took.
     *
     * @param x what it took; another place
     * @param xOffset floats before it
     * @param gradient replaced
     * @param gradientOffset floats before it
     * @param count how many
     */
    public static void multiply(
            Activation activation,
            MemorySegment x,
            long xOffset,
            MemorySegment gradient,
            long gradientOffset,
            long count) {
        long done =
                switch (activation) {
                    case RELU -> relu(x, xOffset, gradient, gradientOffset, count);
                    case GELU_EXACT -> geluExact(x, xOffset, gradient, gradientOffset, count);
                    case GELU_TANH -> geluTanh(x, xOffset, gradient, gradientOffset, count);
                    case SILU -> silu(x, xOffset, gradient, gradientOffset, count);
                    case TANH -> tanh(x, xOffset, gradient, gradientOffset, count);
                    case GELU_SIGMOID -> geluSigmoid(x, xOffset, gradient, gradientOffset, count);
                };
        for (long i = done; i < count; i++) {
            float slope = ActivationSlopes.of(activation, CheckedFloats.get(x, xOffset + i));
            float g = CheckedFloats.get(gradient, gradientOffset + i);
            CheckedFloats.set(gradient, gradientOffset + i, g * slope);
        }
    }

    /**
     * Of {@code out = activation(gate) · up}, writes the gradients of both.
     *
     * @param gradOut gradient of the product
     * @param gradOutOffset floats before it
     * @param gate as it was before the activation
     * @param gateOffset floats before it
     * @param up what it gated
     * @param upOffset floats before it
     * @param gradGate written; may be gradOut's place and no other of these
     * @param gradGateOffset floats before it
     * @param gradUp written; a place apart from all others
     * @param gradUpOffset floats before it
     * @param count how many
     */
    public static void gated(
            Activation activation,
            MemorySegment gradOut,
            long gradOutOffset,
            MemorySegment gate,
            long gateOffset,
            MemorySegment up,
            long upOffset,
            MemorySegment gradGate,
            long gradGateOffset,
            MemorySegment gradUp,
            long gradUpOffset,
            long count) {
        for (long done = 0; done < count; done += CHUNK) {
            long chunk = Math.min(CHUNK, count - done);
            long toUp = gradUpOffset + done;
            long toGate = gradGateOffset + done;
            Activations.apply(activation, gate, gateOffset + done, gradUp, toUp, chunk);
            Rows.multiply(gradOut, gradOutOffset + done, gradUp, toUp, chunk);
            if (!gradGate.equals(gradOut) || gradGateOffset != gradOutOffset) {
                Rows.copy(gradOut, gradOutOffset + done, gradGate, toGate, chunk);
            }
            Rows.multiply(up, upOffset + done, gradGate, toGate, chunk);
            multiply(activation, gate, gateOffset + done, gradGate, toGate, chunk);
        }
    }

    /**
     * The same of a unit that may have a limit: of {@code activation(min(gate, limit)) · (clamp(up,
     * ±limit) + 1)}, where what a limit holds has no gradient. Gates and what they gate are as they
     * were before the limit.
     */
    public static void gated(
            GatedUnit unit,
            MemorySegment gradOut,
            long gradOutOffset,
            MemorySegment gate,
            long gateOffset,
            MemorySegment up,
            long upOffset,
            MemorySegment gradGate,
            long gradGateOffset,
            MemorySegment gradUp,
            long gradUpOffset,
            long count) {
        Activation activation = unit.activation();
        if (!unit.isLimited()) {
            gated(
                    activation,
                    gradOut,
                    gradOutOffset,
                    gate,
                    gateOffset,
                    up,
                    upOffset,
                    gradGate,
                    gradGateOffset,
                    gradUp,
                    gradUpOffset,
                    count);
            return;
        }
        float limit = unit.limit();
        float low = Float.NEGATIVE_INFINITY;
        for (long done = 0; done < count; done += CHUNK) {
            long chunk = Math.min(CHUNK, count - done);
            long toUp = gradUpOffset + done;
            long toGate = gradGateOffset + done;
            long gateAt = gateOffset + done;
            long upAt = upOffset + done;
            Rows.copy(gate, gateAt, gradUp, toUp, chunk);
            Activations.clamp(low, limit, 0, gradUp, toUp, chunk);
            Activations.apply(activation, gradUp, toUp, gradUp, toUp, chunk);
            Rows.multiply(gradOut, gradOutOffset + done, gradUp, toUp, chunk);
            holdOutside(-limit, limit, up, upAt, gradUp, toUp, chunk);
            multiplyByClamped(
                    limit, up, upAt, gradOut, gradOutOffset + done, gradGate, toGate, chunk);
            multiply(activation, gate, gateAt, gradGate, toGate, chunk);
            holdOutside(low, limit, gate, gateAt, gradGate, toGate, chunk);
        }
    }

    /** {@code gradient[i] = 0} where x[i] is below or above; at the limits themselves it stays. */
    private static void holdOutside(
            float low,
            float high,
            MemorySegment x,
            long xOffset,
            MemorySegment gradient,
            long gradientOffset,
            long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector v = VectorLanes.load(x, xOffset + i);
            FloatVector g = VectorLanes.load(gradient, gradientOffset + i);
            g = g.blend(0f, v.compare(VectorOperators.LT, low));
            g = g.blend(0f, v.compare(VectorOperators.GT, high));
            VectorLanes.store(g, gradient, gradientOffset + i);
        }
        for (; i < count; i++) {
            float v = CheckedFloats.get(x, xOffset + i);
            if (v < low || v > high) {
                CheckedFloats.set(gradient, gradientOffset + i, 0);
            }
        }
    }

    /** {@code out[i] = gradient[i] · (clamp(x[i], ±limit) + 1)}. */
    private static void multiplyByClamped(
            float limit,
            MemorySegment x,
            long xOffset,
            MemorySegment gradient,
            long gradientOffset,
            MemorySegment out,
            long outOffset,
            long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector v = VectorLanes.load(x, xOffset + i).min(limit).max(-limit);
            FloatVector g = VectorLanes.load(gradient, gradientOffset + i);
            VectorLanes.store(g.mul(v.add(1f)), out, outOffset + i);
        }
        for (; i < count; i++) {
            float v = Math.max(Math.min(CheckedFloats.get(x, xOffset + i), limit), -limit);
            float g = CheckedFloats.get(gradient, gradientOffset + i);
            CheckedFloats.set(out, outOffset + i, g * (v + 1f));
        }
    }

    private static long relu(
            MemorySegment x, long xOffset, MemorySegment gradient, long offset, long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector g = VectorLanes.load(gradient, offset + i);
            FloatVector slope = ActivationSlopes.relu(VectorLanes.load(x, xOffset + i));
            VectorLanes.store(g.mul(slope), gradient, offset + i);
        }
        return i;
    }

    private static long geluExact(
            MemorySegment x, long xOffset, MemorySegment gradient, long offset, long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector g = VectorLanes.load(gradient, offset + i);
            FloatVector slope = ActivationSlopes.geluExact(VectorLanes.load(x, xOffset + i));
            VectorLanes.store(g.mul(slope), gradient, offset + i);
        }
        return i;
    }

    private static long geluTanh(
            MemorySegment x, long xOffset, MemorySegment gradient, long offset, long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector g = VectorLanes.load(gradient, offset + i);
            FloatVector slope = ActivationSlopes.geluTanh(VectorLanes.load(x, xOffset + i));
            VectorLanes.store(g.mul(slope), gradient, offset + i);
        }
        return i;
    }

    private static long silu(
            MemorySegment x, long xOffset, MemorySegment gradient, long offset, long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector g = VectorLanes.load(gradient, offset + i);
            FloatVector slope = ActivationSlopes.silu(VectorLanes.load(x, xOffset + i));
            VectorLanes.store(g.mul(slope), gradient, offset + i);
        }
        return i;
    }

    private static long tanh(
            MemorySegment x, long xOffset, MemorySegment gradient, long offset, long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector g = VectorLanes.load(gradient, offset + i);
            FloatVector slope = ActivationSlopes.tanh(VectorLanes.load(x, xOffset + i));
            VectorLanes.store(g.mul(slope), gradient, offset + i);
        }
        return i;
    }

    private static long geluSigmoid(
            MemorySegment x, long xOffset, MemorySegment gradient, long offset, long count) {
        long i = 0;
        for (; i <= count - VectorLanes.LENGTH; i += VectorLanes.LENGTH) {
            FloatVector g = VectorLanes.load(gradient, offset + i);
            FloatVector slope = ActivationSlopes.geluSigmoid(VectorLanes.load(x, xOffset + i));
            VectorLanes.store(g.mul(slope), gradient, offset + i);
        }
        return i;
    }
}
