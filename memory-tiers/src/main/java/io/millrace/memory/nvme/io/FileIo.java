package io.millrace.memory.nvme.io;

import java.nio.file.Path;

/** Opens files for the NVMe tier and owns the threads that drive them. */
public interface FileIo extends AutoCloseable {
    /** What runs, and why it is not something faster. */
    IoPath path();

    /** How transfers are cut and how many pieces of each are in flight. */
    IoOptions options();

    /**
     * Creates a file, or enlarges it, so that its bytes are the file system's promise: a full disk
     * shows here and not in the middle of a run.
     *
     * @throws io.millrace.memory.TierFullException when the drive has fewer bytes free
     */
    void preallocate(Path file, long sizeBytes);

    /** Opens a file that exists. */
    IoFile open(Path file, boolean writable);

    /** Ends the threads; files must be closed before. A second call does nothing. */
    @Override
    void close();

    /**
     * The fastest path that the system allows, found by trying it in a folder: io_uring or else
     * pread and pwrite, each with O_DIRECT where the folder's file system takes it. Every step down
     * is named in {@link #path} and logged.
     *
     * @param folder exists; probed with a small file that is deleted again where it is writable
     * @param options what to use at most
     */
    static FileIo open(Path folder, IoOptions options) {
        return IoProbe.open(folder, options);
    }
}
