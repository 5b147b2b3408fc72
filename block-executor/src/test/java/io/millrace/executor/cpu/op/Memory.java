package io.millrace.executor.cpu.op;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** Off-heap floats for tests: random inputs and poisoned outputs. */
final class Memory {
    /** A value that no kernel yields by chance, so that what was not written shows. */
    static final float POISON = Float.intBitsToFloat(0x7fc0_dead);

    private Memory() {}

    static MemorySegment poisoned(Arena arena, long floats) {
        MemorySegment segment = arena.allocate(Math.max(floats, 1) * Float.BYTES, 64);
        for (long i = 0; i < floats; i++) {
            segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, POISON);
        }
        return segment;
    }

    static MemorySegment random(Arena arena, SplittableRandom random, long floats, double scale) {
        MemorySegment segment = poisoned(arena, floats);
        for (long i = 0; i < floats; i++) {
            segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (random.nextGaussian() * scale));
        }
        return segment;
    }

    static MemorySegment copy(Arena arena, MemorySegment source) {
        return arena.allocate(source.byteSize(), 64).copyFrom(source);
    }

    static float at(MemorySegment segment, long index) {
        return segment.getAtIndex(ValueLayout.JAVA_FLOAT, index);
    }

    static boolean isPoison(MemorySegment segment, long index) {
        return bits(segment, index) == Float.floatToRawIntBits(POISON);
    }

    static int bits(MemorySegment segment, long index) {
        return segment.getAtIndex(ValueLayout.JAVA_INT, index);
    }

    static boolean sameBits(MemorySegment a, MemorySegment b) {
        return a.mismatch(b) == -1;
    }

    /** The seed of a random test: given, or new on each run. */
    static long seed() {
        return Long.getLong("test.seed", System.nanoTime());
    }
}
