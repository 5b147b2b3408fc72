package io.millrace.memory.nvme.io;

import io.millrace.memory.Errno;
import io.millrace.memory.NativeCallException;
import io.millrace.memory.OffloadException;
import io.millrace.memory.TierFullException;
import java.nio.file.Path;

/** Turns a request's errno into the error that the run reports. */
final class IoFailure {
    private IoFailure() {}

    /** The error of a request whose result is negative. */
    static OffloadException of(IoRequest request, Path path) {
        int errno = -request.result();
        String call = request.describe(path);
        return Errno.isFull(errno)
                ? new TierFullException(call + " failed: " + Errno.describe(errno))
                : new NativeCallException(call, errno, Errno.describe(errno));
    }

    /** The error of a read that met the end of the file, or of a call that moved nothing. */
    static OffloadException ended(IoRequest request, Path path) {
        return new NativeCallException(
                request.describe(path),
                request.result(),
                request.op() == IoRequest.Op.READ
                        ? "the file ends there; it was cut short"
                        : "nothing was written");
    }
}
