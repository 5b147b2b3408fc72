package io.millrace.executor.cpu.param;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** States of whole numbers from 0 to 255, a byte each, which steps see in float32. */
final class ByteStates {
    private static final int AT_ONCE = 1024;

    private ByteStates() {}

    /** Reads some. */
    static void load(MemorySegment bytes, long offset, float[] to, int count) {
        byte[] part = new byte[Math.min(AT_ONCE, count)];
        for (int done = 0; done < count; done += part.length) {
            int some = Math.min(part.length, count - done);
            MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, offset + done, part, 0, some);
            for (int i = 0; i < some; i++) {
                to[done + i] = part[i] & 0xff;
            }
        }
    }

    /** Writes some. */
    static void store(MemorySegment bytes, long offset, float[] from, int count) {
        byte[] part = new byte[Math.min(AT_ONCE, count)];
        for (int done = 0; done < count; done += part.length) {
            int some = Math.min(part.length, count - done);
            for (int i = 0; i < some; i++) {
                part[i] = (byte) (int) from[done + i];
            }
            MemorySegment.copy(part, 0, bytes, ValueLayout.JAVA_BYTE, offset + done, some);
        }
    }
}
