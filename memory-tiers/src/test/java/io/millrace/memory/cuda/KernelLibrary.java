package io.millrace.memory.cuda;

import java.lang.foreign.MemorySegment;

/** The kernels that a {@link HostCuda} can launch: what a module's image stands for on the host. */
@FunctionalInterface
public interface KernelLibrary {
    /** A kernel compiled, or written, for the host. */
    @FunctionalInterface
    interface Kernel {
        /** Runs the whole grid; what it throws fails the device as a fault in a kernel does. */
        void run(Launch launch) throws Throwable;
    }

    /** Looks device memory up. */
    interface DeviceMemory {
        /**
         * Device memory as host memory.
         *
         * @throws IndexOutOfBoundsException when not all of it is allocated
         */
        MemorySegment at(long address, long sizeBytes);
    }

    /**
     * One launch.
     *
     * @param grid blocks in x, y and z
     * @param block threads of a block in x, y and z
     * @param sharedBytes dynamic shared memory of a block
     * @param arguments the parameters as {@link KernelArguments} packed them
     * @param memory the device's
     */
    record Launch(
            int[] grid,
            int[] block,
            int sharedBytes,
            MemorySegment arguments,
            DeviceMemory memory) {}

    /**
     * A kernel of a module.
     *
     * @param image what the module was loaded from
     * @return null where it has none of that name
     */
    Kernel find(byte[] image, String name);
}
