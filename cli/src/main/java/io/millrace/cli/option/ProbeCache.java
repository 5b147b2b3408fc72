package io.millrace.cli.option;

import io.millrace.prefetch.plan.Machine;
import io.millrace.prefetch.plan.MachineFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * What was probed of this machine: a file for each processor and drive, in the user's cache.
 *
 * @param folder where the files lie
 * @param host the machine's name
 * @param processor its processor, and how many cores of it are seen
 */
public record ProbeCache(Path folder, String host, String processor) {
    /** The cache of who runs this, on this machine. */
    public static ProbeCache ofThisMachine() {
        String cache = System.getenv("XDG_CACHE_HOME");
        Path base =
                cache == null || cache.isBlank()
                        ? Path.of(System.getProperty("user.home"), ".cache")
                        : Path.of(cache);
        return new ProbeCache(
                base.resolve("millrace"),
                hostName(),
                processorName() + " x" + Runtime.getRuntime().availableProcessors());
    }

    /** What was probed with the drive of a folder; the current folder's where none is named. */
    public Optional<Machine> find(Optional<Path> nvmeDir) {
        Path file = file(nvmeDir);
        return Files.isReadable(file) ? Optional.of(MachineFile.read(file)) : Optional.empty();
    }

    /** Keeps what was probed. */
    public void keep(Machine machine, Optional<Path> nvmeDir) {
        MachineFile.write(machine, file(nvmeDir));
    }

    public Path file(Optional<Path> nvmeDir) {
        CRC32C crc = new CRC32C();
        for (String part : List.of(host, processor, drive(nvmeDir.orElse(Path.of(""))))) {
            crc.update(part.getBytes(StandardCharsets.UTF_8));
            crc.update(0);
        }
        return folder.resolve(String.format("probe-%08x.json", crc.getValue()));
    }

    private static String drive(Path folder) {
        Path existing = folder.toAbsolutePath();
        while (!Files.exists(existing)) {
            existing = existing.getParent();
        }
        try {
            return Files.getFileStore(existing).name();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The processor as the kernel names it. */
    static String processorName() {
        Path info = Path.of("/proc/cpuinfo");
        try {
            return Files.isReadable(info)
                    ? Files.readAllLines(info).stream()
                            .filter(line -> line.startsWith("model name"))
                            .map(line -> line.substring(line.indexOf(':') + 1).strip())
                            .findFirst()
                            .orElse(System.getProperty("os.arch"))
                    : System.getProperty("os.arch");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "localhost"; // a machine without a name is told apart by its processor
        }
    }
}
