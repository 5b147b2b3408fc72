package io.millrace.memory.nvme.io;

import io.millrace.memory.BadInputException;
import io.millrace.memory.ByteSize;
import io.millrace.memory.Errno;
import io.millrace.memory.NativeCallException;
import io.millrace.memory.TierFullException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Files of the system's own, through one engine. */
final class NativeFileIo implements FileIo {
    private static final System.Logger LOG = System.getLogger(NativeFileIo.class.getName());

    private final IoEngine engine;
    private final IoOptions options;
    private final List<String> refusals;
    private boolean everDirect;
    private boolean everBuffered;

    NativeFileIo(IoEngine engine, IoOptions options, List<String> refusals) {
        this.engine = engine;
        this.options = options;
        this.refusals = new ArrayList<>(refusals);
    }

    @Override
    public synchronized IoPath path() {
        boolean direct = options.direct() && !(everBuffered && !everDirect);
        return new IoPath(engine.name(), direct, refusals);
    }

    @Override
    public IoOptions options() {
        return options;
    }

    @Override
    public void preallocate(Path file, long sizeBytes) {
        int fd = PosixFiles.open(file, PosixFiles.O_RDWR | PosixFiles.O_CREAT);
        if (fd < 0) {
            throw cannotOpen(file, -fd);
        }
        int error;
        try {
            error = PosixFiles.allocate(fd, sizeBytes);
        } finally {
            PosixFiles.close(fd, file);
        }
        if (Errno.isFull(error)) {
            throw new TierFullException(
                    file
                            + " needs "
                            + ByteSize.format(sizeBytes)
                            + " and the drive has "
                            + ByteSize.format(freeBytes(file))
                            + " free ("
                            + Errno.describe(error)
                            + ")");
        }
        if (error != 0) {
            throw new NativeCallException(
                    "posix_fallocate(" + file + ", 0, " + sizeBytes + ")",
                    error,
                    Errno.describe(error));
        }
    }

    @Override
    public IoFile open(Path file, boolean writable) {
        int access = writable ? PosixFiles.O_RDWR : PosixFiles.O_RDONLY;
        boolean direct = options.direct();
        int fd = PosixFiles.open(file, access | (direct ? PosixFiles.O_DIRECT : 0));
        if (direct && fd == -Errno.EINVAL.code()) {
            direct = false;
            refuse("O_DIRECT refused for " + file + ": " + Errno.describe(-fd));
            fd = PosixFiles.open(file, access);
        }
        if (fd < 0) {
            throw cannotOpen(file, -fd);
        }
        synchronized (this) {
            everDirect |= direct;
            everBuffered |= !direct;
        }
        try {
            return new NativeFile(engine, file, fd, Files.size(file), direct);
        } catch (IOException e) {
            PosixFiles.close(fd, file);
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        engine.close();
    }

    private synchronized void refuse(String why) {
        if (!refusals.contains(why)) {
            refusals.add(why);
            LOG.log(Level.WARNING, why);
        }
    }

    private static RuntimeException cannotOpen(Path file, int errno) {
        String what = "cannot be opened (" + Errno.describe(errno) + ")";
        if (errno == Errno.EACCES.code() || errno == Errno.EROFS.code()) {
            return new BadInputException(file.toString(), what, "give a folder that is writable");
        }
        if (errno == Errno.ENOENT.code()) {
            return new BadInputException(file.toString(), what, "check the path");
        }
        return new NativeCallException("open(" + file + ")", errno, Errno.describe(errno));
    }

    private static long freeBytes(Path file) {
        try {
            return Files.getFileStore(file.toAbsolutePath().getParent()).getUsableSpace();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
