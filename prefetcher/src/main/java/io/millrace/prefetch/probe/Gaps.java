package io.millrace.prefetch.probe;

import io.millrace.memory.ByteSize;
import io.millrace.memory.nvme.io.IoPath;
import io.millrace.prefetch.plan.Machine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What a run would miss on a machine, and what to do about each. */
final class Gaps {
    private static final long LITTLE_DISK = 20L << 30;
    private static final Path HUGE_PAGES = Path.of("/sys/kernel/mm/transparent_hugepage/enabled");
    private static final Path NVIDIA = Path.of("/proc/driver/nvidia/version");
    private static final List<Path> LIBRARY_FOLDERS =
            List.of(
                    Path.of("/usr/lib/x86_64-linux-gnu"),
                    Path.of("/usr/lib64"),
                    Path.of("/usr/lib/aarch64-linux-gnu"),
                    Path.of("/usr/local/cuda/lib64"));

    private Gaps() {}

    static List<String> find(Path folder, IoPath path, Machine.Drive drive, Machine.Host host) {
        List<String> gaps = new ArrayList<>();
        for (String refusal : path.refusals()) {
            gaps.add(
                    refusal
                            + (refusal.contains("O_DIRECT")
                                    ? "; give an --nvme-dir on ext4 or xfs"
                                    : "; allow io_uring (kernel.io_uring_disabled=0; docker:"
                                            + " --security-opt seccomp=unconfined)"));
        }
        if (host.pinLimitBytes() >= 0 && host.pinLimitBytes() < host.memoryBytes()) {
            gaps.add(
                    "only "
                            + ByteSize.format(host.pinLimitBytes())
                            + " of memory may be pinned; raise it with 'ulimit -l unlimited'"
                            + " (docker: --ulimit memlock=-1)");
        }
        if (read(HUGE_PAGES).contains("[never]")) {
            gaps.add(
                    "huge pages are off; 'echo madvise > "
                            + HUGE_PAGES
                            + "' as root turns them on");
        }
        if (drive.freeBytes() < LITTLE_DISK) {
            gaps.add(
                    "only "
                            + ByteSize.format(drive.freeBytes())
                            + " are free in "
                            + folder
                            + "; a run needs the size of its model there");
        }
        if (!Files.exists(NVIDIA)) {
            gaps.add("no NVIDIA driver; without one, cpu and emulated are the devices");
        } else if (!hasLibrary("libcuda.so.1")) {
            gaps.add(
                    "an NVIDIA driver without libcuda.so.1; install its libraries (docker: --gpus"
                            + " all)");
        } else {
            addCudaLibraries(gaps);
        }
        return gaps;
    }

    private static void addCudaLibraries(List<String> gaps) {
        for (String library : List.of("libcudart.so", "libcublasLt.so", "libnvrtc.so")) {
            if (!hasLibrary(library)) {
                gaps.add(library + " is not installed; install CUDA 13's runtime libraries");
            }
        }
    }

    private static boolean hasLibrary(String name) {
        for (Path folder : LIBRARY_FOLDERS) {
            try (var files = Files.newDirectoryStream(folder, name + "*")) {
                if (files.iterator().hasNext()) {
                    return true;
                }
            } catch (IOException _) {
                // No such folder: the library is not in it.
            }
        }
        return false;
    }

    private static String read(Path file) {
        try {
            return Files.isReadable(file) ? Files.readString(file) : "";
        } catch (IOException e) {
            return ""; // a kernel that does not tell
        }
    }
}
