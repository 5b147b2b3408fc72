package io.millrace.executor.cpu.param;

import io.millrace.optim.update.ElementProgram;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The operations of an {@link ElementProgram} over tiles of registers. Each rounds once, to
 * nearest: a vector's lanes have the bits of the scalar tail.
 */
final class ElementKernels {
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    private ElementKernels() {}

    /** Runs an operation that needs no direction. */
    static void run(ElementProgram.Step step, float[][] registers, int count) {
        float[] to = registers[step.to()];
        float[] a = registers[step.a()];
        float[] b = registers[step.b()];
        switch (step.op()) {
            case FILL -> Arrays.fill(to, 0, count, step.scalar());
            case SCALE -> scale(to, step.scalar(), a, count);
            case FMA -> fma(to, step.scalar(), a, b, count);
            case ADD, MULTIPLY, DIVIDE, MAX -> both(step.op(), to, a, b, count);
            case ROOT -> root(to, a, count);
            case SIGN -> sign(to, a, count);
            case Z, SHARE, REACH, TIMES, DECAY ->
                    throw new IllegalArgumentException(step.op() + " depends on the tensor");
        }
    }

    private static void scale(float[] to, float s, float[] a, int count) {
        int i = 0;
        for (; i <= count - FLOATS.length(); i += FLOATS.length()) {
            FloatVector.fromArray(FLOATS, a, i).mul(s).intoArray(to, i);
        }
        for (; i < count; i++) {
            to[i] = s * a[i];
        }
    }

    private static void fma(float[] to, float s, float[] a, float[] b, int count) {
        FloatVector factors = FloatVector.broadcast(FLOATS, s);
        int i = 0;
        for (; i <= count - FLOATS.length(); i += FLOATS.length()) {
            FloatVector sum = FloatVector.fromArray(FLOATS, b, i);
            factors.fma(FloatVector.fromArray(FLOATS, a, i), sum).intoArray(to, i);
        }
        for (; i < count; i++) {
            to[i] = Math.fma(s, a[i], b[i]);
        }
    }

    private static void both(ElementProgram.Op op, float[] to, float[] a, float[] b, int count) {
        int i = 0;
        for (; i <= count - FLOATS.length(); i += FLOATS.length()) {
            FloatVector left = FloatVector.fromArray(FLOATS, a, i);
            FloatVector right = FloatVector.fromArray(FLOATS, b, i);
            both(op, left, right).intoArray(to, i);
        }
        for (; i < count; i++) {
            to[i] = both(op, a[i], b[i]);
        }
    }

    private static FloatVector both(ElementProgram.Op op, FloatVector a, FloatVector b) {
        return switch (op) {
            case ADD -> a.add(b);
            case MULTIPLY -> a.mul(b);
            case DIVIDE -> a.div(b);
            // Not lanewise MAX, which makes NaN of either: a card's select does not.
            default -> b.blend(a, a.compare(VectorOperators.GT, b));
        };
    }

    private static float both(ElementProgram.Op op, float a, float b) {
        return switch (op) {
            case ADD -> a + b;
            case MULTIPLY -> a * b;
            case DIVIDE -> a / b;
            default -> a > b ? a : b;
        };
    }

    private static void root(float[] to, float[] a, int count) {
        int i = 0;
        for (; i <= count - FLOATS.length(); i += FLOATS.length()) {
            FloatVector.fromArray(FLOATS, a, i).sqrt().intoArray(to, i);
        }
        for (; i < count; i++) {
            to[i] = (float) Math.sqrt(a[i]);
        }
    }

    private static void sign(float[] to, float[] a, int count) {
        int i = 0;
        for (; i <= count - FLOATS.length(); i += FLOATS.length()) {
            FloatVector value = FloatVector.fromArray(FLOATS, a, i);
            VectorMask<Float> above = value.compare(VectorOperators.GT, 0f);
            VectorMask<Float> below = value.compare(VectorOperators.LT, 0f);
            FloatVector.zero(FLOATS).blend(1f, above).blend(-1f, below).intoArray(to, i);
        }
        for (; i < count; i++) {
            to[i] = a[i] > 0f ? 1f : a[i] < 0f ? -1f : 0f;
        }
    }
}
