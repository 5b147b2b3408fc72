package io.millrace.memory.nvme;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/** Bytes that tell which block and version they are, everywhere in the block. */
public final class Patterns {
    private Patterns() {}

    /** Fills memory with the bytes of a block's version. */
    public static void fill(MemorySegment memory, int block, long version) {
        SplittableRandom random = new SplittableRandom(block * 1_000_003L + version);
        byte[] bytes = new byte[Math.toIntExact(memory.byteSize())];
        random.nextBytes(bytes);
        MemorySegment.copy(bytes, 0, memory, JAVA_BYTE, 0, bytes.length);
    }

    /** Whether memory holds exactly the bytes of a block's version. */
    public static boolean matches(MemorySegment memory, int block, long version) {
        MemorySegment expected =
                MemorySegment.ofArray(new byte[Math.toIntExact(memory.byteSize())]);
        fill(expected, block, version);
        return expected.mismatch(memory) < 0;
    }
}
