package io.millrace.executor.cuda.kernel;

import java.util.concurrent.atomic.AtomicReference;

/** The kit that engines use: the CUDA libraries of this machine. */
public final class DeviceKits {
    private static final AtomicReference<DeviceKit> CURRENT =
            new AtomicReference<>(new LibraryKit());

    private DeviceKits() {}

    /** The kit in use; nothing is loaded before it is asked for something. */
    public static DeviceKit current() {
        return CURRENT.get();
    }

    /** Puts another in its place until the answer is closed: for tests without a device. */
    static AutoCloseable replace(DeviceKit kit) {
        DeviceKit before = CURRENT.getAndSet(kit);
        return () -> CURRENT.set(before);
    }
}
