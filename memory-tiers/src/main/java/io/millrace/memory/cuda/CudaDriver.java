package io.millrace.memory.cuda;

import io.millrace.memory.BadInputException;
import io.millrace.memory.NativeCallException;

/** The way to the CUDA driver of this machine, which is loaded when a device is first asked for. */
public final class CudaDriver {
    // The presets are of CUDA 13, whose libraries need a driver of its own major version.
    private static final int OLDEST_DRIVER = 13000;

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
                CudaApi driver = new DriverCalls();
                requireVersion(driver.driverVersion());
                loaded = driver;
            } catch (NativeCallException e) {
                throw new BadInputException(
                        "--device",
                        "the NVIDIA driver does not start (" + e.getMessage() + ")",
                        "see that nvidia-smi lists the device, or use --device cpu");
            }
        }
        return loaded;
    }

    static void requireVersion(int version) {
        if (version < OLDEST_DRIVER) {
            throw new BadInputException(
                    "--device",
                    String.format(
                            "the NVIDIA driver is for CUDA %d.%d, and 13.0 is needed",
                            version / 1000, version % 1000 / 10),
                    "install driver 580 or newer, or use --device cpu");
        }
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
