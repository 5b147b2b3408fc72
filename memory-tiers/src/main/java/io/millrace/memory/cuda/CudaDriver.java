package io.millrace.memory.cuda;

/** The way to the CUDA driver of this machine. */
public final class CudaDriver {
    private CudaDriver() {}

    /**
     * Loads the driver at the first call.
     *
     * @throws io.millrace.memory.BadInputException when it or a library that it needs is missing,
     *     naming each and what to do
     */
    public static CudaApi load() {
        throw new UnsupportedOperationException("not yet");
    }
}
