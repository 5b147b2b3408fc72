package io.millrace.executor.cpu.op;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** Off-heap floats for tests: random inputs and poisoned outputs. */
public final class Memory {
    /** A value that no kernel yields by chance, so that what was not written shows. */
    public static final float POISON = Float.intBitsToFloat(0x7fc0_dead);

    private Memory() {}

    public static MemorySegment poisoned(Arena arena, long floats) {
        MemorySegment segment = arena.allocate(Math.max(floats, 1) * Float.BYTES, 64);
        for (long i = 0; i < floats; i++) {
            segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, POISON);
        }
        return segment;
    }

    public static MemorySegment random(
            Arena arena, SplittableRandom random, long floats, double scale) {
        MemorySegment segment = poisoned(arena, floats);
        for (long i = 0; i < floats; i++) {
            segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (random.nextGaussian() * scale));
        }
        return segment;
    }

    public static MemorySegment copy(Arena arena, MemorySegment source) {
        return arena.allocate(source.byteSize(), 64).copyFrom(source);
    }

    public static float at(MemorySegment segment, long index) {
        return segment.getAtIndex(ValueLayout.JAVA_FLOAT, index);
    }

    public static boolean isPoison(MemorySegment segment, long index) {
        return bits(segment, index) == Float.floatToRawIntBits(POISON);
    }

    public static int bits(MemorySegment segment, long index) {
        return segment.getAtIndex(ValueLayout.JAVA_INT, index);
    }

    public static boolean sameBits(MemorySegment a, MemorySegment b) {
        return a.mismatch(b) == -1;
    }

    /** The seed of a random test: given, or new on each run. */
    public static long seed() {
        return Long.getLong("test.seed", System.nanoTime());
    }
}
