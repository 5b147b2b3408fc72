package io.millrace.memory;

/** The error numbers of Linux system calls that a tier meets, and what each means here. */
public enum Errno {
    /** Not permitted. */
    EPERM(1, "operation not permitted"),
    /** No such file. */
    ENOENT(2, "no such file or directory"),
    /** A signal arrived; ask again. */
    EINTR(4, "interrupted"),
    /** The drive failed. */
    EIO(5, "input/output error: the drive or its controller failed"),
    /** Not now; ask again. */
    EAGAIN(11, "temporarily unavailable"),
    /** No memory, or a limit on it. */
    ENOMEM(12, "out of memory or over a memory limit"),
    /** Permission denied. */
    EACCES(13, "permission denied"),
    /** A bad address. */
    EFAULT(14, "bad address"),
    /** Already there. */
    EEXIST(17, "file exists"),
    /** A bad operand; with O_DIRECT also a misaligned one. */
    EINVAL(22, "invalid argument"),
    /** Too many open files. */
    EMFILE(24, "too many open files; raise `ulimit -n`"),
    /** File too large. */
    EFBIG(27, "file too large"),
    /** The disk is full. */
    ENOSPC(28, "no space left on the drive"),
    /** A read-only file system. */
    EROFS(30, "read-only file system"),
    /** The kernel has no such call. */
    ENOSYS(38, "function not implemented"),
    /** The file system cannot do it. */
    EOPNOTSUPP(95, "operation not supported"),
    /** The quota is used up. */
    EDQUOT(122, "disk quota exceeded"),
    /** Given up on purpose. */
    ECANCELED(125, "cancelled");

    private final int code;
    private final String meaning;

    Errno(int code, String meaning) {
        this.code = code;
        this.meaning = meaning;
    }

    /** The number on Linux. */
    public int code() {
        return code;
    }

    /** The name and meaning of a number, such as {@code EIO, input/output error}. */
    public static String describe(int code) {
        for (Errno errno : values()) {
            if (errno.code == code) {
                return errno.name() + ", " + errno.meaning;
            }
        }
        return "errno " + code;
    }

    /** Whether the number says that a drive or quota is full. */
    public static boolean isFull(int code) {
        return code == ENOSPC.code || code == EDQUOT.code;
    }
}
