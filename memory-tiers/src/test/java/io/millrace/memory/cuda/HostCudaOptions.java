package io.millrace.memory.cuda;

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
 */
public record HostCudaOptions(
        long memoryBytes,
        int devices,
        long delaySeed,
        long longestDelayNs,
        double clockSkew,
        boolean mapsAddresses,
        boolean takesPageable) {

    /** One device of 1 GiB, no pauses, a true clock, mapped addresses, registered memory only. */
    public static HostCudaOptions defaults() {
        return new HostCudaOptions(1L << 30, 1, 0, 0, 0, true, false);
    }

    /** The same with seeded pauses of up to so long before each piece of work on a stream. */
    public HostCudaOptions withDelays(long seed, long longestNs) {
        return new HostCudaOptions(
                memoryBytes, devices, seed, longestNs, clockSkew, mapsAddresses, takesPageable);
    }

    /** The same with another size of device memory. */
    public HostCudaOptions withMemory(long bytes) {
        return new HostCudaOptions(
                bytes, devices, delaySeed, longestDelayNs, clockSkew, mapsAddresses, takesPageable);
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
                takesPageable);
    }

    /** The same on a driver without mapped addresses. */
    public HostCudaOptions withoutMapping() {
        return new HostCudaOptions(
                memoryBytes, devices, delaySeed, longestDelayNs, clockSkew, false, takesPageable);
    }

    /** The same, and copies from host memory that is not registered are taken, as real ones are. */
    public HostCudaOptions withPageable() {
        return new HostCudaOptions(
                memoryBytes, devices, delaySeed, longestDelayNs, clockSkew, mapsAddresses, true);
    }
}
