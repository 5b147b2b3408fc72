package io.millrace.memory.cuda;

import io.millrace.memory.BadInputException;
import io.millrace.memory.NativeCallException;

/** The way to the CUDA driver of this machine, which is loaded when a device is first asked for. */
public final class CudaDriver {
    private static CudaApi loaded;
    private static CudaApi replacement;

    private CudaDriver() {}

    /**
     * Loads the driver at the first call.
     *
     * @throws BadInputException when it or a library that it needs is missing, naming what is and
     *     what to do
     */
    public static synchronized CudaApi load() {
        if (replacement != null) {
            return replacement;
        }
        if (loaded == null) {
            CudaLibraries.ofMachine().requireDriver();
            try {
                loaded = new DriverCalls();
            } catch (NativeCallException e) {
                throw new BadInputException(
                        "--device",
                        "the NVIDIA driver does not start (" + e.getMessage() + ")",
                        "see that nvidia-smi lists the device, or use --device cpu");
            }
        }
        return loaded;
    }

    /** Answers another driver until the answer is closed; for tests. */
    static synchronized AutoCloseable replace(CudaApi other) {
        if (replacement != null) {
            throw new IllegalStateException("the driver is replaced already");
        }
        replacement = other;
        return () -> {
            synchronized (CudaDriver.class) {
                replacement = null;
            }
        };
    }
}
