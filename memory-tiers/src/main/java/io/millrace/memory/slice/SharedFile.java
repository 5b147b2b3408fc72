package io.millrace.memory.slice;

import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Set;

/** A file in memory that several processes map. Whoever made it takes its name away again. */
final class SharedFile implements AutoCloseable {
    private static final String PREFIX = "millrace-slices-";
    private static final Duration OLD = Duration.ofMinutes(10);
    private static final int CHUNK = 1 << 20;

    private final Path path;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment bytes;

    private SharedFile(Path path, FileChannel channel, long sizeBytes) throws IOException {
        this.path = path;
        try {
            bytes = channel.map(FileChannel.MapMode.READ_WRITE, 0, sizeBytes, arena);
        } catch (IOException | RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    /**
     * Makes one that nobody else of this host can open, and has every page of it given: where there
     * is no room it shows here, and not as a fault in the middle of a run.
     */
    static SharedFile create(Path folder, long sizeBytes) throws IOException {
        sweep(folder);
        byte[] random = new byte[16];
        new SecureRandom().nextBytes(random);
        Path path =
                folder.resolve(
                        PREFIX
                                + ProcessHandle.current().pid()
                                + "-"
                                + HexFormat.of().formatHex(random));
        try (FileChannel channel =
                FileChannel.open(
                        path,
                        Set.of(CREATE_NEW, READ, WRITE),
                        PosixFilePermissions.asFileAttribute(
                                PosixFilePermissions.fromString("rw-------")))) {
            ByteBuffer zeros = ByteBuffer.allocateDirect(CHUNK);
            for (long at = 0; at < sizeBytes; at += zeros.limit()) {
                zeros.clear().limit((int) Math.min(CHUNK, sizeBytes - at));
                while (zeros.hasRemaining()) {
                    channel.write(zeros);
                }
            }
            return new SharedFile(path, channel, sizeBytes);
        } catch (IOException | RuntimeException | Error e) {
            Files.deleteIfExists(path);
            throw e;
        }
    }

    static SharedFile open(Path path, long sizeBytes) throws IOException {
        try (FileChannel channel = FileChannel.open(path, READ, WRITE)) {
            if (channel.size() != sizeBytes) {
                throw new IOException(path + " has " + channel.size() + " bytes");
            }
            return new SharedFile(path, channel, sizeBytes);
        }
    }

    /** What processes left that were killed before all had mapped their file. */
    private static void sweep(Path folder) throws IOException {
        try (DirectoryStream<Path> left = Files.newDirectoryStream(folder, PREFIX + "*")) {
            for (Path file : left) {
                String[] words = file.getFileName().toString().split("-", -1);
                Instant made = Files.getLastModifiedTime(file).toInstant();
                if (made.isBefore(Instant.now().minus(OLD))
                        && ProcessHandle.of(Long.parseLong(words[2])).isEmpty()
                        && Files.isWritable(file)) {
                    Files.deleteIfExists(file);
                }
            }
        }
    }

    Path path() {
        return path;
    }

    MemorySegment bytes() {
        return bytes;
    }

    /** Takes its name away: it lives as long as somebody has it mapped. */
    void unlink() throws IOException {
        Files.deleteIfExists(path);
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
