package io.millrace.memory.nvme.io;

import java.nio.file.Path;

/** An open file for positional reads and writes. Any thread may submit. */
public interface IoFile extends AutoCloseable {
    /** Where it lies. */
    Path path();

    /** Its length when it was opened. */
    long sizeBytes();

    /** Positions, lengths and addresses must be multiples of this: 4096 with O_DIRECT, else 1. */
    int alignment();

    /**
     * Starts a request and returns at once. It ends on some other thread, or on this one where it
     * can be refused without waiting; requests may end in any order and short.
     */
    void submit(IoRequest request);

    /** Waits for requests under way, then closes; a second call does nothing. */
    @Override
    void close();
}
