package io.millrace.memory.cuda;

import io.millrace.memory.NativeCallException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

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
            DeviceMemory memory) {

        static Launch of(
                int[] grid,
                int[] block,
                int sharedBytes,
                KernelArguments arguments,
                DeviceMemory memory) {
            MemorySegment packed = arguments.buffer().asSlice(0, arguments.sizeBytes());
            MemorySegment copy = MemorySegment.ofArray(packed.toArray(ValueLayout.JAVA_BYTE));
            return new Launch(grid, block, sharedBytes, copy, memory);
        }

        /** Refuses what a card would. */
        void requireShape(String kernel) {
            boolean fits =
                    Arrays.stream(grid).allMatch(blocks -> blocks > 0)
                            && Arrays.stream(block).allMatch(threads -> threads > 0)
                            && grid[1] <= 65_535
                            && grid[2] <= 65_535
                            && block[2] <= 64
                            && (long) block[0] * block[1] * block[2] <= 1024
                            && sharedBytes <= HostCudaOptions.SHARED_BYTES;
            if (!fits) {
                throw new NativeCallException(
                        String.format(
                                "cuLaunchKernel(%s, grid %s, block %s, %d)",
                                kernel, Arrays.toString(grid), Arrays.toString(block), sharedBytes),
                        1,
                        "CUDA_ERROR_INVALID_VALUE");
            }
        }
    }

    /**
     * A kernel of a module.
     *
     * @param image what the module was loaded from
     * @return null where it has none of that name
     */
    Kernel find(byte[] image, String name);
}
