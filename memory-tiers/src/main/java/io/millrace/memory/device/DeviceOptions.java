package io.millrace.memory.device;

/**
 * What a device is asked to be like. Only {@code emulated} heeds the rates.
 *
 * @param h2dBytesPerSecond how fast it copies from the host; 0 for as fast as it can
 * @param d2hBytesPerSecond how fast it copies to the host; 0 for as fast as it can
 */
public record DeviceOptions(long h2dBytesPerSecond, long d2hBytesPerSecond) {
    /** Checks signs. */
    public DeviceOptions {
        if (h2dBytesPerSecond < 0 || d2hBytesPerSecond < 0) {
            throw new IllegalArgumentException(
                    "rates of " + h2dBytesPerSecond + " and " + d2hBytesPerSecond);
        }
    }

    /** As fast as the hardware. */
    public static DeviceOptions defaults() {
        return new DeviceOptions(0, 0);
    }
}
