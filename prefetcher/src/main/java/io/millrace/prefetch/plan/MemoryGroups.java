package io.millrace.prefetch.plan;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The control groups that bound this process's memory: its own and all that hold that one, for a
 * limit may lie on any of them.
 *
 * <pre>
 *   /proc/self/cgroup    0::/system.slice/job        version 2: /sys/fs/cgroup/system.slice/job, ...
 *                        9:memory:/docker/1f2e       version 1: /sys/fs/cgroup/memory/docker/1f2e, ...
 * </pre>
 *
 * <p>In a container the path may be that of the host, of which only the end, or nothing, is
 * mounted: the mount's own root is looked at in any case.
 */
final class MemoryGroups {
    private final Path membership;
    private final Path mount;

    private enum Version {
        ONE("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "),
        TWO("memory.max", "memory.current", "inactive_file ");

        private final String limit;
        private final String usage;
        private final String reclaimable; // page cache, of the group and those in it

        Version(String limit, String usage, String reclaimable) {
            this.limit = limit;
            this.usage = usage;
            this.reclaimable = reclaimable;
        }
    }

    /**
     * A limit.
     *
     * @param bytes what may be used in all
     * @param freeBytes what is not used, or used for what the kernel gives back
     */
    record Limit(long bytes, long freeBytes) {}

    /**
     * Groups by the kernel's files.
     *
     * @param membership {@code /proc/self/cgroup}
     * @param mount {@code /sys/fs/cgroup}
     */
    MemoryGroups(Path membership, Path mount) {
        this.membership = membership;
        this.mount = mount;
    }

    /** Those that there are, in no order. */
    List<Limit> limits() {
        List<Limit> limits = new ArrayList<>();
        add(mount, "/", Version.TWO, limits);
        add(mount.resolve("memory"), "/", Version.ONE, limits);
        for (String line : lines(membership)) {
            String[] fields = line.split(":", 3);
            if (fields.length != 3) {
                continue;
            }
            if (fields[1].isEmpty()) {
                add(mount, fields[2], Version.TWO, limits);
            } else if (List.of(fields[1].split(",")).contains("memory")) {
                add(mount.resolve("memory"), fields[2], Version.ONE, limits);
            }
        }
        return limits;
    }

    private static void add(Path root, String group, Version version, List<Limit> limits) {
        Path folder = root.resolve(group.substring(1)).normalize();
        // A group outside of the namespace begins with "..".
        while (folder.startsWith(root)) {
            long limit = number(folder.resolve(version.limit));
            if (limit >= 0) {
                long used = Math.max(0, number(folder.resolve(version.usage)));
                long reclaimable = stat(folder.resolve("memory.stat"), version.reclaimable);
                limits.add(new Limit(limit, Math.max(0, limit - used + reclaimable)));
            }
            folder = folder.getParent();
        }
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
        // Version 1 has a number of 19 digits where there is no limit.
        return !lines.isEmpty() && lines.getFirst().matches("\\d{1,18}")
                ? Long.parseLong(lines.getFirst())
                : -1;
    }

    static List<String> lines(Path file) {
        try {
            return Files.isReadable(file) ? Files.readAllLines(file) : List.of();
        } catch (IOException e) {
            return List.of(); // a kernel without the file says as much as one that hides it
        }
    }
}
