package io.millrace.memory.nvme.io;

/** Carries requests to the kernel and their results back. */
interface IoEngine extends AutoCloseable {
    /** Its name in reports. */
    String name();

    /** Starts a request whose file is set; any thread may call. */
    void submit(IoRequest request);

    /** Ends the threads; nothing may be in flight. A second call does nothing. */
    @Override
    void close();
}
