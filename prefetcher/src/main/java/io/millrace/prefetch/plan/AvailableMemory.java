package io.millrace.prefetch.plan;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * How much host memory a run may take when nobody says: what the kernel calls available, within the
 * limit of a container, less a share for the system and the Java machine.
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
    private static final Path CGROUP = Path.of("/sys/fs/cgroup");

    /** Reads the figures now. */
    public static AvailableMemory read() {
        return read(MEMINFO, CGROUP);
    }

    static AvailableMemory read(Path meminfo, Path cgroup) {
        long total = meminfo(meminfo, "MemTotal:");
        long available = meminfo(meminfo, "MemAvailable:");
        long limit = number(cgroup.resolve("memory.max"));
        if (limit >= 0 && limit < total) {
            long used = Math.max(0, number(cgroup.resolve("memory.current")));
            long reclaimable = stat(cgroup.resolve("memory.stat"), "inactive_file ");
            total = limit;
            available = Math.clamp(limit - used + reclaimable, 0, available);
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
        for (String line : lines(file)) {
            if (line.startsWith(field)) {
                return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
            }
        }
        return 0;
    }

    private static long stat(Path file, String field) {
        for (String line : lines(file)) {
            if (line.startsWith(field)) {
                return Long.parseLong(line.substring(field.length()).strip());
            }
        }
        return 0;
    }

    /** The number in a file; −1 where there is none, as of a group without a limit. */
    private static long number(Path file) {
        List<String> lines = lines(file);
        return !lines.isEmpty() && lines.getFirst().matches("\\d{1,18}")
                ? Long.parseLong(lines.getFirst())
                : -1;
    }

    private static List<String> lines(Path file) {
        try {
            return Files.isReadable(file) ? Files.readAllLines(file) : List.of();
        } catch (IOException e) {
            return List.of(); // a kernel without the file says as much as one that hides it
        }
    }
}
