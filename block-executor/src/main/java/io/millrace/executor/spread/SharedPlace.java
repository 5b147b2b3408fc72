package io.millrace.executor.spread;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;

/** What tells workers that can share memory and a drive from those that cannot. */
public final class SharedPlace {
    private static final Path BOOT = Path.of("/proc/sys/kernel/random/boot_id");
    private static final Path PROCESSES = Path.of("/proc/self/ns/pid");

    private SharedPlace() {}

    /**
     * A name for this host and the drives of some folders.
     *
     * @param folders that are read, or are to be made
     * @param sliceBytes bytes of a slice, which all must cut alike
     * @return empty where this is no Linux, or nothing of it can be told
     */
    public static String of(List<Path> folders, int sliceBytes) {
        try {
            TreeSet<Object> drives = new TreeSet<>();
            for (Path folder : folders) {
                drives.add(Files.getAttribute(existing(folder), "unix:dev"));
            }
            // Who has other process numbers cannot see whether this one has ended.
            return Files.readString(BOOT).strip()
                    + " "
                    + Files.readSymbolicLink(PROCESSES)
                    + " drives "
                    + drives
                    + " slices "
                    + sliceBytes;
        } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
            return "";
        }
    }

    private static Path existing(Path folder) throws IOException {
        Path there = folder.toAbsolutePath();
        while (!Files.exists(there) && there.getParent() != null) {
            there = there.getParent();
        }
        return there.toRealPath();
    }
}
