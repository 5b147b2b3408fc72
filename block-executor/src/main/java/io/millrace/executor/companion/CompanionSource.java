package io.millrace.executor.companion;

import io.millrace.memory.BlockLayout;
import java.lang.foreign.MemorySegment;

/** Where companions come from. */
@FunctionalInterface
public interface CompanionSource {
    /**
     * Fills a companion.
     *
     * @param companion its layout
     * @param bytes all of it, states too; zero when this is called
     * @return the last step whose update the bytes hold
     */
    long read(BlockLayout companion, MemorySegment bytes);
}
