package io.millrace.memory.nvme.io;

import io.millrace.memory.Errno;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Finds the fastest path by trying it: kernels, containers and file systems all may refuse. */
final class IoProbe {
    private static final System.Logger LOG = System.getLogger(IoProbe.class.getName());
    private static final int PAGE = IoOptions.DIRECT_ALIGNMENT;
    private static final byte PATTERN = 0x5A;

    private IoProbe() {}

    static FileIo open(Path folder, IoOptions wanted) {
        List<String> refusals = new ArrayList<>();
        IoOptions options = wanted;
        IoEngine engine = engine(wanted, refusals);
        try {
            if (Files.isWritable(folder)) {
                Optional<String> refusal = tryEngine(engine, folder, options.withDirect(false));
                if (refusal.isPresent() && engine instanceof UringEngine) {
                    requireAuto(wanted, refusal.get());
                    refusals.add("io_uring refused: " + refusal.get());
                    engine.close();
                    engine = new PreadEngine(wanted.depth());
                    refusal = tryEngine(engine, folder, options.withDirect(false));
                }
                if (refusal.isPresent()) {
                    throw new UncheckedIOException(new IOException(folder + ": " + refusal.get()));
                }
                if (options.direct()) {
                    refusal = tryEngine(engine, folder, options);
                    if (refusal.isPresent()) {
                        refusals.add("O_DIRECT refused in " + folder + ": " + refusal.get());
                        options = options.withDirect(false);
                    }
                }
            }
            refusals.forEach(refusal -> LOG.log(Level.WARNING, refusal));
            return new NativeFileIo(engine, options, refusals);
        } catch (RuntimeException | Error e) {
            engine.close();
            throw e;
        }
    }

    private static IoEngine engine(IoOptions wanted, List<String> refusals) {
        if (wanted.engine() == IoOptions.Engine.PREAD) {
            return new PreadEngine(wanted.depth());
        }
        Optional<String> refusal = UringEngine.unavailability();
        if (refusal.isEmpty()) {
            return new UringEngine();
        }
        requireAuto(wanted, refusal.get());
        refusals.add(refusal.get());
        return new PreadEngine(wanted.depth());
    }

    private static void requireAuto(IoOptions wanted, String refusal) {
        if (wanted.engine() == IoOptions.Engine.IO_URING) {
            throw new UnsupportedOperationException(refusal);
        }
    }

    /** Writes a page and reads it back; why that failed, or empty. */
    private static Optional<String> tryEngine(IoEngine engine, Path folder, IoOptions options) {
        int flags =
                PosixFiles.O_RDWR
                        | PosixFiles.O_CREAT
                        | (options.direct() ? PosixFiles.O_DIRECT : 0);
        Path file = folder.resolve(".millrace-probe-" + ProcessHandle.current().pid());
        int fd = PosixFiles.open(file, flags);
        if (fd < 0) {
            return Optional.of(Errno.describe(-fd));
        }
        try (Arena arena = Arena.ofShared();
                NativeFile probe = new NativeFile(engine, file, fd, 0, options.direct())) {
            MemorySegment page = arena.allocate(PAGE, PAGE);
            page.fill(PATTERN);
            int written = perform(probe, IoRequest.Op.WRITE, page);
            page.fill((byte) 0);
            int read = written == PAGE ? perform(probe, IoRequest.Op.READ, page) : written;
            if (read != PAGE || page.get(ValueLayout.JAVA_BYTE, PAGE - 1) != PATTERN) {
                return Optional.of(
                        read < 0
                                ? Errno.describe(-read)
                                : "a page came back as " + read + " bytes");
            }
            return Optional.empty();
        } finally {
            delete(file);
        }
    }

    private static int perform(NativeFile file, IoRequest.Op op, MemorySegment page) {
        BlockingRequest blocking = new BlockingRequest();
        blocking.request().prepare(op, 0, page, 0, PAGE);
        blocking.submit(file);
        return blocking.awaitResult();
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
