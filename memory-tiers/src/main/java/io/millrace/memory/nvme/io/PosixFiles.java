package io.millrace.memory.nvme.io;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.millrace.memory.Errno;
import io.millrace.memory.NativeCallException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;

/** The file calls that Java has no door to, or only with an object for every call. */
@SuppressWarnings("restricted")
final class PosixFiles {
    // fcntl.h of Linux; O_DIRECT alone differs between the two machines that we run on.
    static final int O_RDONLY = 0;
    static final int O_RDWR = 2;
    static final int O_CREAT = 0x40;
    static final int O_CLOEXEC = 0x80000;
    static final int O_DIRECT = System.getProperty("os.arch").equals("aarch64") ? 0x10000 : 0x4000;
    private static final int OWNER_READ_WRITE = 0600;

    private static final Linker LINKER = Linker.nativeLinker();
    static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO =
            CALL_STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

    private static final MethodHandle OPEN =
            LINKER.downcallHandle(
                    LINKER.defaultLookup().findOrThrow("open"),
                    FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT),
                    Linker.Option.captureCallState("errno"),
                    Linker.Option.firstVariadicArg(2));
    private static final MethodHandle CLOSE =
            bind("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle PREAD =
            bind(
                    "pread",
                    FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle PWRITE =
            bind(
                    "pwrite",
                    FunctionDescriptor.of(JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle FDATASYNC =
            bind("fdatasync", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle POSIX_FALLOCATE =
            bind(
                    "posix_fallocate",
                    FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG));

    private PosixFiles() {}

    /** Opens a file; the descriptor, or the negated errno. */
    static int open(Path path, int flags) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            int fd =
                    (int)
                            OPEN.invokeExact(
                                    state,
                                    arena.allocateFrom(path.toString()),
                                    flags | O_CLOEXEC,
                                    OWNER_READ_WRITE);
            return fd >= 0 ? fd : -errno(state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static void close(int fd, Path path) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            int result = (int) CLOSE.invokeExact(state, fd);
            if (result != 0) {
                int errno = errno(state);
                throw new NativeCallException("close(" + path + ")", errno, Errno.describe(errno));
            }
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Makes the file system promise the first bytes of a file; 0 or the errno. */
    static int allocate(int fd, long sizeBytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            int error;
            do { // it answers the error itself and leaves errno alone
                error = (int) POSIX_FALLOCATE.invokeExact(state, fd, 0L, sizeBytes);
            } while (error == Errno.EINTR.code());
            return error;
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Bytes read, or the negated errno; the state is the calling thread's own. */
    static int read(MemorySegment state, int fd, long address, int length, long position) {
        try {
            long result = (long) PREAD.invokeExact(state, fd, address, (long) length, position);
            return result >= 0 ? (int) result : -errno(state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Bytes written, or the negated errno; the state is the calling thread's own. */
    static int write(MemorySegment state, int fd, long address, int length, long position) {
        try {
            long result = (long) PWRITE.invokeExact(state, fd, address, (long) length, position);
            return result >= 0 ? (int) result : -errno(state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** 0, or the negated errno; the state is the calling thread's own. */
    static int sync(MemorySegment state, int fd) {
        try {
            int result = (int) FDATASYNC.invokeExact(state, fd);
            return result == 0 ? 0 : -errno(state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static MethodHandle bind(String name, FunctionDescriptor descriptor) {
        return LINKER.downcallHandle(
                LINKER.defaultLookup().findOrThrow(name),
                descriptor,
                Linker.Option.captureCallState("errno"));
    }

    private static int errno(MemorySegment state) {
        return (int) ERRNO.get(state, 0L);
    }

    /** Method handles declare Throwable; only unchecked ones can come. */
    private static RuntimeException unexpected(Throwable e) {
        return switch (e) {
            case RuntimeException runtime -> runtime;
            case Error error -> throw error;
            default -> new IllegalStateException(e);
        };
    }
}
