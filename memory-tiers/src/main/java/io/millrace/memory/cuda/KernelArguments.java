package io.millrace.memory.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The parameters of one kernel launch, packed as the device reads them: in order, each aligned to
 * its own size. One object serves any number of launches from one thread and allocates nothing.
 */
public final class KernelArguments implements AutoCloseable {
    // What every device since compute capability 2.0 takes.
    private static final int CAPACITY_BYTES = 4096;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment buffer = arena.allocate(CAPACITY_BYTES, Long.BYTES);
    private int sizeBytes;

    /** Forgets what was packed. */
    public KernelArguments begin() {
        sizeBytes = 0;
        return this;
    }

    /** A pointer, or a 64-bit integer. */
    public KernelArguments int64(long value) {
        buffer.set(ValueLayout.JAVA_LONG, advance(Long.BYTES), value);
        return this;
    }

    /** A 32-bit integer. */
    public KernelArguments int32(int value) {
        buffer.set(ValueLayout.JAVA_INT, advance(Integer.BYTES), value);
        return this;
    }

    /** A float. */
    public KernelArguments float32(float value) {
        buffer.set(ValueLayout.JAVA_FLOAT, advance(Float.BYTES), value);
        return this;
    }

    /** A double. */
    public KernelArguments float64(double value) {
        buffer.set(ValueLayout.JAVA_DOUBLE, advance(Double.BYTES), value);
        return this;
    }

    private int advance(int valueBytes) {
        int offset = (sizeBytes + valueBytes - 1) / valueBytes * valueBytes;
        sizeBytes = offset + valueBytes;
        return offset;
    }

    /** The memory that {@link #sizeBytes} bytes were packed into, from its beginning. */
    public MemorySegment buffer() {
        return buffer;
    }

    /** Bytes packed since {@link #begin}. */
    public int sizeBytes() {
        return sizeBytes;
    }

    /** Frees the memory. */
    @Override
    public void close() {
        arena.close();
    }
}
