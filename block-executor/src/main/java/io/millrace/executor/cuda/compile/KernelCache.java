package io.millrace.executor.cuda.compile;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Compiled kernels on disk, one file for each device architecture, compiler and state of the
 * sources. A file ends with the CRC-32C of what is before it; one that does not match is made anew.
 */
public final class KernelCache {
    private static final System.Logger LOG = System.getLogger(KernelCache.class.getName());
    private static final int CHECKSUM_BYTES = 4;

    private final Path folder;

    KernelCache(Path folder) {
        this.folder = folder;
    }

    /** The user's own. */
    public static KernelCache ofUser() {
        return ofUser(System.getenv(), Path.of(System.getProperty("user.home")));
    }

    static KernelCache ofUser(Map<String, String> environment, Path home) {
        Path caches = Path.of(environment.getOrDefault("XDG_CACHE_HOME", ""));
        // The XDG specification has relative paths ignored.
        Path base = caches.isAbsolute() ? caches : home.resolve(".cache");
        return new KernelCache(base.resolve("millrace").resolve("kernels"));
    }

    /** The image for a device, compiled now or at an earlier run. */
    public byte[] image(KernelCompiler compiler, int capability) {
        Path file = folder.resolve("sm_" + capability + "-" + key(compiler) + ".image");
        byte[] kept = read(file);
        if (kept != null) {
            return kept;
        }
        byte[] image = compiler.compile(capability);
        write(file, image);
        return image;
    }

    private static String key(KernelCompiler compiler) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (Map.Entry<String, String> file : KernelSources.all().entrySet()) {
                digest.update(file.getKey().getBytes(StandardCharsets.UTF_8));
                digest.update(file.getValue().getBytes(StandardCharsets.UTF_8));
            }
            String made = compiler.version() + KernelSources.OPTIONS;
            digest.update(made.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest.digest()).substring(0, 32);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private static byte[] read(Path file) {
        try {
            if (!Files.exists(file)) {
                return null;
            }
            byte[] bytes = Files.readAllBytes(file);
            int length = bytes.length - CHECKSUM_BYTES;
            if (length > 0 && checksum(bytes, length) == stored(bytes, length)) {
                return Arrays.copyOf(bytes, length);
            }
            LOG.log(System.Logger.Level.WARNING, "{0} is damaged; compiling again", file);
            return null;
        } catch (IOException e) {
            LOG.log(System.Logger.Level.WARNING, "cannot read " + file + "; compiling again", e);
            return null;
        }
    }

    private static int stored(byte[] bytes, int at) {
        return ByteBuffer.wrap(bytes, at, CHECKSUM_BYTES).getInt();
    }

    private static int checksum(byte[] bytes, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, length);
        return (int) crc.getValue();
    }

    /** A folder that cannot be written costs the next run a compilation, and nothing else. */
    private void write(Path file, byte[] image) {
        try {
            Files.createDirectories(folder);
            Path part = Files.createTempFile(folder, "kernels", ".part");
            byte[] sum =
                    ByteBuffer.allocate(CHECKSUM_BYTES)
                            .putInt(checksum(image, image.length))
                            .array();
            byte[] all = Arrays.copyOf(image, image.length + CHECKSUM_BYTES);
            System.arraycopy(sum, 0, all, image.length, CHECKSUM_BYTES);
            try {
                Files.write(part, all);
                Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(part);
            }
        } catch (IOException e) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "cannot keep compiled kernels in " + folder + "; the next run compiles again",
                    e);
        }
    }
}
