package io.millrace.memory.cuda;

import io.millrace.memory.NativeCallException;

/**
 * What a {@link HostCuda} is like.
 *
 * @param memoryBytes of each device
 * @param devices how many there are
 * @param delaySeed of the random pauses before each piece of work
 * @param longestDelayNs 0 for no pauses
 * @param clockSkew how much faster the device's clock runs than the host's, as a fraction
 * @param mapsAddresses whether the devices can reserve and map addresses
 * @param takesPageable whether copies from host memory that is not registered are taken
 * @param computeCapability times ten
 * @param nvml what the management library says
 */
public record HostCudaOptions(
        long memoryBytes,
        int devices,
        long delaySeed,
        long longestDelayNs,
        double clockSkew,
        boolean mapsAddresses,
        boolean takesPageable,
        int computeCapability,
        NvmlAnswer nvml) {

    /** Shared memory that a block may have. */
    static final int SHARED_BYTES = 227 << 10;

    /** One device of 1 GiB, no pauses, a true clock, mapped addresses, registered memory only. */
    public static HostCudaOptions defaults() {
        return new HostCudaOptions(
                1L << 30, 1, 0, 0, 0, true, false, 90, NvmlAnswer.refused("a fake has none"));
    }

    /** The same with seeded pauses of up to so long before each piece of work on a stream. */
    public HostCudaOptions withDelays(long seed, long longestNs) {
        return new HostCudaOptions(
                memoryBytes,
                devices,
                seed,
                longestNs,
                clockSkew,
                mapsAddresses,
                takesPageable,
                computeCapability,
                nvml);
    }

    /** The same with another size of device memory. */
    public HostCudaOptions withMemory(long bytes) {
        return new HostCudaOptions(
                bytes,
                devices,
                delaySeed,
                longestDelayNs,
                clockSkew,
                mapsAddresses,
                takesPageable,
                computeCapability,
                nvml);
    }

    /** The same with so many devices. */
    public HostCudaOptions withDevices(int count) {
        return new HostCudaOptions(
                memoryBytes,
                count,
                delaySeed,
                longestDelayNs,
                clockSkew,
                mapsAddresses,
                takesPageable,
                computeCapability,
                nvml);
    }

    /** The same with a clock that is fast by a fraction. */
    public HostCudaOptions withClockSkew(double skew) {
        return new HostCudaOptions(
                memoryBytes,
                devices,
                delaySeed,
                longestDelayNs,
                skew,
                mapsAddresses,
                takesPageable,
                computeCapability,
                nvml);
    }

    /** The same on a driver without mapped addresses. */
    public HostCudaOptions withoutMapping() {
        return new HostCudaOptions(
                memoryBytes,
                devices,
                delaySeed,
                longestDelayNs,
                clockSkew,
                false,
                takesPageable,
                computeCapability,
                nvml);
    }

    /** The same, and copies from host memory that is not registered are taken, as real ones are. */
    public HostCudaOptions withPageable() {
        return new HostCudaOptions(
                memoryBytes,
                devices,
                delaySeed,
                longestDelayNs,
                clockSkew,
                mapsAddresses,
                true,
                computeCapability,
                nvml);
    }

    /** The same of a compute capability, such as 80. */
    public HostCudaOptions withCapability(int capability) {
        return new HostCudaOptions(
                memoryBytes,
                devices,
                delaySeed,
                longestDelayNs,
                clockSkew,
                mapsAddresses,
                takesPageable,
                capability,
                nvml);
    }

    /** The same with a management library that tells of every card alike. */
    public HostCudaOptions withNvml(NvmlFacts facts) {
        return new HostCudaOptions(
                memoryBytes,
                devices,
                delaySeed,
                longestDelayNs,
                clockSkew,
                mapsAddresses,
                takesPageable,
                computeCapability,
                NvmlAnswer.of(facts));
    }

    int attribute(int attribute) {
        return switch (attribute) {
            case CudaAttribute.MAX_THREADS_PER_BLOCK -> 1024;
            case CudaAttribute.WARP_SIZE -> 32;
            case CudaAttribute.MULTIPROCESSOR_COUNT -> 4;
            case CudaAttribute.ASYNC_ENGINE_COUNT -> 2;
            case CudaAttribute.COMPUTE_CAPABILITY_MAJOR -> computeCapability / 10;
            case CudaAttribute.COMPUTE_CAPABILITY_MINOR -> computeCapability % 10;
            case CudaAttribute.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN -> SHARED_BYTES;
            case CudaAttribute.VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED -> mapsAddresses ? 1 : 0;
            default ->
                    throw new NativeCallException(
                            "cuDeviceGetAttribute(" + attribute + ")",
                            1,
                            "CUDA_ERROR_INVALID_VALUE");
        };
    }
}
