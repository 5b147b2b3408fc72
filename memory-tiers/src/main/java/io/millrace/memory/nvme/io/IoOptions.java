package io.millrace.memory.nvme.io;

/**
 * How files are driven.
 *
 * @param engine which calls move the bytes
 * @param direct whether to bypass the page cache where the file system allows it
 * @param pieceBytes a transfer is cut in pieces of this size, or larger where there would be many;
 *     a multiple of 4096
 * @param depth pieces of one transfer in flight at once
 */
public record IoOptions(Engine engine, boolean direct, int pieceBytes, int depth) {
    /** Which calls move the bytes. */
    public enum Engine {
        /** io_uring where it is allowed, else PREAD. */
        AUTO,
        /** io_uring or an error. */
        IO_URING,
        /** pread and pwrite on a few threads. */
        PREAD
    }

    /** O_DIRECT asks for this alignment at most on the drives in use. */
    public static final int DIRECT_ALIGNMENT = 4096;

    /** Below so much of host memory for everything, staging takes less. */
    public static final long SMALL_BUDGET = 256L << 20;

    /** Checks sizes. */
    public IoOptions {
        if (pieceBytes < DIRECT_ALIGNMENT || pieceBytes % DIRECT_ALIGNMENT != 0) {
            throw new IllegalArgumentException(
                    "pieces of " + pieceBytes + " bytes are not whole pages");
        }
        if (depth < 1 || depth > UringEngine.RING_ENTRIES) {
            throw new IllegalArgumentException("depth " + depth + " is not within 1 to 256");
        }
    }

    /** The best that the system allows. */
    public static IoOptions defaults() {
        return new IoOptions(Engine.AUTO, true, 1 << 20, 8);
    }

    /**
     * How a drive is used beside a host budget: 8 MiB of staging reach its rate, 1 MiB will do.
     *
     * @param hostBudget bytes
     */
    public static IoOptions beside(long hostBudget) {
        return hostBudget < SMALL_BUDGET ? defaults().withPieces(256 << 10, 4) : defaults();
    }

    /** Host memory that each reader of the user's own files takes for staging. */
    public long stagingBytes() {
        return (long) pieceBytes * depth;
    }

    /** The same with another engine. */
    public IoOptions withEngine(Engine other) {
        return new IoOptions(other, direct, pieceBytes, depth);
    }

    /** The same with or without O_DIRECT. */
    public IoOptions withDirect(boolean wanted) {
        return new IoOptions(engine, wanted, pieceBytes, depth);
    }

    /** The same with other pieces. */
    public IoOptions withPieces(int bytes, int inFlight) {
        return new IoOptions(engine, direct, bytes, inFlight);
    }
}
