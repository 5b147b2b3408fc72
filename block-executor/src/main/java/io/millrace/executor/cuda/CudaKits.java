package io.millrace.executor.cuda;

import java.util.concurrent.atomic.AtomicReference;

/** The kit that engines use: the CUDA libraries of this machine. */
public final class CudaKits {
    private static final AtomicReference<CudaKit> CURRENT = new AtomicReference<>(new LibraryKit());

    private CudaKits() {}

    /** The kit in use; nothing is loaded before it is asked for something. */
    public static CudaKit current() {
        return CURRENT.get();
    }

    /** Puts another in its place until the answer is closed: for tests without a device. */
    static AutoCloseable replace(CudaKit kit) {
        CudaKit before = CURRENT.getAndSet(kit);
        return () -> CURRENT.set(before);
    }
}
