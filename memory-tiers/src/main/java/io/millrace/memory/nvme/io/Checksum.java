package io.millrace.memory.nvme.io;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/** CRC32C of native memory, fed in order; reused. */
public final class Checksum {
    // A ByteBuffer spans at most 2 GiB; one serves many chunks, so that a block costs one or two.
    private static final long WINDOW_BYTES = 1L << 30;

    private final long windowBytes;

    private final CRC32C crc = new CRC32C();
    private MemorySegment memory = MemorySegment.NULL;
    private ByteBuffer window;
    private long windowStart;
    private long done;

    public Checksum() {
        this(WINDOW_BYTES);
    }

    public Checksum(long windowBytes) {
        this.windowBytes = windowBytes;
    }

    /** Starts over, on other memory. */
    public void start(MemorySegment segment) {
        crc.reset();
        goOn(segment);
    }

    /** Goes on with other memory. */
    public void goOn(MemorySegment segment) {
        memory = segment;
        window = null;
        done = 0;
    }

    /** Takes in the bytes up to an offset. */
    public void advanceTo(long end) {
        while (done < end) {
            if (window == null || done >= windowStart + windowBytes) {
                windowStart = done;
                window =
                        memory.asSlice(done, Math.min(windowBytes, memory.byteSize() - done))
                                .asByteBuffer();
            }
            int from = (int) (done - windowStart);
            int to = (int) Math.min(end - windowStart, window.capacity());
            window.limit(to).position(from);
            crc.update(window);
            done = windowStart + to;
        }
    }

    public int value() {
        return (int) crc.getValue();
    }

    /** The checksum of a whole small segment. */
    public static int of(MemorySegment segment) {
        CRC32C crc = new CRC32C();
        crc.update(segment.asByteBuffer());
        return (int) crc.getValue();
    }
}
