package io.millrace.telemetry;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The memory of this process, as the kernel and the heap count it.
 *
 * @param residentBytes VmRSS
 * @param peakResidentBytes VmHWM, the most ever resident
 * @param heapUsedBytes used bytes of the Java heap, garbage included
 */
public record ProcessMemory(long residentBytes, long peakResidentBytes, long heapUsedBytes) {
    private static final Path STATUS = Path.of("/proc/self/status");

    /**
     * Reads the figures now.
     *
     * @throws UncheckedIOException where {@code /proc} cannot be read
     */
    public static ProcessMemory read() {
        String status;
        try {
            status = Files.readString(STATUS);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        long heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
        return new ProcessMemory(bytes(status, "VmRSS"), bytes(status, "VmHWM"), heap);
    }

    /** A field such as {@code VmRSS: 1234 kB} in bytes. */
    static long bytes(String status, String field) {
        return status.lines()
                .filter(line -> line.startsWith(field + ":"))
                .map(line -> line.substring(field.length() + 1).strip().split("\\s+"))
                .filter(value -> value.length == 2 && value[1].equals("kB"))
                .mapToLong(value -> Math.multiplyExact(Long.parseLong(value[0]), 1024L))
                .findFirst()
                .orElseThrow(
                        () -> new IllegalStateException(STATUS + " has no " + field + " in kB"));
    }
}
