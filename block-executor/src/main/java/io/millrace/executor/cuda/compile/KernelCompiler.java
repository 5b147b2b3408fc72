package io.millrace.executor.cuda.compile;

/** Compiles the kernel files for a device. */
public interface KernelCompiler {
    /** Its version, such as {@code nvrtc 13.0}: another one may make another image. */
    String version();

    /**
     * An image that the driver loads.
     *
     * @param capability the device's compute capability, such as 90
     */
    byte[] compile(int capability);
}
