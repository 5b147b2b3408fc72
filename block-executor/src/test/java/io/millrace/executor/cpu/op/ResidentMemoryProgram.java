package io.millrace.executor.cpu.op;

import io.millrace.memory.cuda.CudaLibraries;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.bytedeco.javacpp.BytePointer;

/** Opens a device's libraries, fills memory outside the heap, and then allocates as presets do. */
final class ResidentMemoryProgram {
    private static final long RESIDENT_BYTES = 160L << 20;

    private ResidentMemoryProgram() {}

    /** The argument names the device. */
    public static void main(String[] arguments) {
        switch (arguments[0]) {
            case "cpu" -> Dnnl.alone();
            case "cuda" -> CudaLibraries.ofMachine();
            default -> throw new IllegalArgumentException(arguments[0]);
        }
        try (Arena arena = Arena.ofConfined();
                BytePointer before = fill(arena)) {
            System.out.println("allocated " + before.capacity());
        }
    }

    private static BytePointer fill(Arena arena) {
        MemorySegment resident = arena.allocate(RESIDENT_BYTES);
        resident.fill((byte) 1);
        return new BytePointer(16);
    }
}
