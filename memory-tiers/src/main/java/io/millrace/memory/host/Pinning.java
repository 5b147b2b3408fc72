package io.millrace.memory.host;

import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** A way to keep pages of host memory where they are: locked, or registered with a device. */
public interface Pinning {
    /** Names the way in reports, such as {@code mlock}. */
    String name();

    /**
     * Tries to pin a page-aligned region.
     *
     * @return empty when it is pinned; else why it is not, and the cure, in one line
     */
    Optional<String> pin(MemorySegment region);

    /** Undoes a pin that was granted. */
    void unpin(MemorySegment region);

    /** The most bytes that {@code mlock} may lock; −1 for no limit. */
    static long lockLimitBytes() {
        return NativePages.lockLimitBytes();
    }

    /** Locks pages with {@code mlock}, within what the process may lock. */
    static Pinning mlock() {
        return new MlockPinning();
    }
}
