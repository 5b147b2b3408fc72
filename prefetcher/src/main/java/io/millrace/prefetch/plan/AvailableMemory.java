package io.millrace.prefetch.plan;

import java.nio.file.Path;

/**
 * How much host memory a run may take when nobody says: what the kernel calls available, within the
 * limits of its control groups, less a share for the system and the Java machine.
 *
 * @param totalBytes all memory there is
 * @param availableBytes what could be taken without swapping
 */
public record AvailableMemory(long totalBytes, long availableBytes) {
    // The Java machine takes 200 to 300 MiB beside the budget; data sets lie in its heap.
    private static final long JVM_BYTES = 768L << 20;
    private static final long SYSTEM_BYTES = 512L << 20;
    private static final int SYSTEM_SHARE = 20; // a twentieth
    private static final Path MEMINFO = Path.of("/proc/meminfo");
    private static final MemoryGroups GROUPS =
            new MemoryGroups(Path.of("/proc/self/cgroup"), Path.of("/sys/fs/cgroup"));

    /** Reads the figures now. */
    public static AvailableMemory read() {
        return read(MEMINFO, GROUPS);
    }

    static AvailableMemory read(Path meminfo, MemoryGroups groups) {
        long total = meminfo(meminfo, "MemTotal:");
        long available = meminfo(meminfo, "MemAvailable:");
        for (MemoryGroups.Limit limit : groups.limits()) {
            total = Math.min(total, limit.bytes());
            available = Math.min(available, limit.freeBytes());
        }
        return new AvailableMemory(total, available);
    }

    /** What a run takes unless it is told. */
    public long forRun() {
        return forRun(totalBytes, availableBytes);
    }

    /** What a run takes unless it is told, of a machine with so much memory. */
    public static long forRun(long totalBytes, long availableBytes) {
        long system = Math.max(SYSTEM_BYTES, totalBytes / SYSTEM_SHARE);
        return Math.max(0, availableBytes - JVM_BYTES - system);
    }

    private static long meminfo(Path file, String field) {
        for (String line : MemoryGroups.lines(file)) {
            if (line.startsWith(field)) {
                return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
            }
        }
        return 0;
    }
}
