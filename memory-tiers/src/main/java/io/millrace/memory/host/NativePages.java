package io.millrace.memory.host;

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

/** The system calls behind host memory; called when slabs come and go, never in a step. */
@SuppressWarnings("restricted")
final class NativePages {
    // sys/mman.h and sys/resource.h of Linux; the same on x86-64 and aarch64.
    private static final int PROT_READ_WRITE = 0x1 | 0x2;
    private static final int MAP_PRIVATE_ANONYMOUS = 0x02 | 0x20;
    private static final long MAP_FAILED = -1L;
    private static final int MADV_HUGEPAGE = 14;
    private static final int RLIMIT_MEMLOCK = 8;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO =
            CALL_STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));

    private static final MethodHandle MMAP =
            bind(
                    "mmap",
                    FunctionDescriptor.of(
                            JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT,
                            JAVA_LONG));
    private static final MethodHandle MUNMAP =
            bind("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle MADVISE =
            bind("madvise", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
    private static final MethodHandle MLOCK =
            bind("mlock", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle MUNLOCK =
            bind("munlock", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle GETRLIMIT =
            bind("getrlimit", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS));

    private NativePages() {}

    /** Maps zeroed private pages, not yet backed by memory; the address. */
    static long map(long sizeBytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            long address =
                    (long)
                            MMAP.invokeExact(
                                    state,
                                    MemorySegment.NULL,
                                    sizeBytes,
                                    PROT_READ_WRITE,
                                    MAP_PRIVATE_ANONYMOUS,
                                    -1,
                                    0L);
            if (address == MAP_FAILED) {
                throw failure("mmap(NULL, " + sizeBytes + ", anonymous)", errno(state));
            }
            return address;
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Mapped pages as a segment that lives as long as an arena. */
    static MemorySegment view(long address, long sizeBytes, Arena arena) {
        return MemorySegment.ofAddress(address).reinterpret(sizeBytes, arena, null);
    }

    /** Gives pages back to the system. */
    static void unmap(long address, long sizeBytes) {
        int code = call(MUNMAP, address, sizeBytes);
        if (code != 0) {
            throw failure(operands("munmap", address, sizeBytes), code);
        }
    }

    /**
     * Asks for huge pages, which take fewer faults to touch and fewer entries to pin; 0 or the
     * errno. It is advice: a kernel without them answers EINVAL, and small pages serve.
     */
    static int adviseHugePages(long address, long sizeBytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            int result = (int) MADVISE.invokeExact(state, address, sizeBytes, MADV_HUGEPAGE);
            return result == 0 ? 0 : errno(state);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Locks pages in memory and so touches them all; 0 or the errno. */
    static int lock(long address, long sizeBytes) {
        return call(MLOCK, address, sizeBytes);
    }

    /** Unlocks pages. */
    static void unlock(long address, long sizeBytes) {
        int code = call(MUNLOCK, address, sizeBytes);
        if (code != 0) {
            throw failure(operands("munlock", address, sizeBytes), code);
        }
    }

    /** The soft limit on locked bytes; −1 (RLIM_INFINITY) where there is none. */
    static long lockLimitBytes() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            MemorySegment limits = arena.allocate(JAVA_LONG, 2); // struct rlimit: soft, hard
            int result = (int) GETRLIMIT.invokeExact(state, RLIMIT_MEMLOCK, limits);
            if (result != 0) {
                throw failure("getrlimit(RLIMIT_MEMLOCK)", errno(state));
            }
            return limits.getAtIndex(JAVA_LONG, 0);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** A call of two longs that answers 0 or −1; 0 or the errno. */
    private static int call(MethodHandle function, long address, long sizeBytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(CALL_STATE);
            int result = (int) function.invokeExact(state, address, sizeBytes);
            return result == 0 ? 0 : errno(state);
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

    private static String operands(String call, long address, long sizeBytes) {
        return call + "(0x" + Long.toHexString(address) + ", " + sizeBytes + ")";
    }

    private static NativeCallException failure(String call, int errno) {
        return new NativeCallException(call, errno, Errno.describe(errno));
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
