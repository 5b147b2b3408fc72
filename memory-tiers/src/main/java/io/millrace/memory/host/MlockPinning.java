package io.millrace.memory.host;

import io.millrace.memory.ByteSize;
import io.millrace.memory.Errno;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import java.util.Optional;

/** Pins by {@code mlock}: the pages stay in memory and are all touched before a step needs them. */
final class MlockPinning implements Pinning {
    @Override
    public String name() {
        return "mlock";
    }

    @Override
    public Optional<String> pin(MemorySegment region) {
        // Asked and not reckoned: CAP_IPC_LOCK lifts the limit, and other libraries lock pages too.
        int errno = NativePages.lock(region.address(), region.byteSize());
        return errno == 0
                ? Optional.empty()
                : Optional.of(refusal(region.byteSize(), errno, NativePages.lockLimitBytes()));
    }

    @Override
    public void unpin(MemorySegment region) {
        NativePages.unlock(region.address(), region.byteSize());
    }

    static String refusal(long sizeBytes, int errno, long limitBytes) {
        return String.format(
                Locale.ROOT,
                "mlock of %s refused (%s): RLIMIT_MEMLOCK is %s; raise it with `ulimit -l"
                        + " unlimited` (docker: --ulimit memlock=-1); until then these pages may"
                        + " be swapped out",
                ByteSize.format(sizeBytes),
                Errno.describe(errno),
                limitBytes < 0 ? "unlimited" : ByteSize.format(limitBytes));
    }
}
