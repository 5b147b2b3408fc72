package io.millrace.memory.device;

import io.millrace.memory.Ledger;
import io.millrace.memory.host.Pinning;
import java.lang.foreign.MemorySegment;

/**
 * What computes, and its memory. Work is handed to streams, each of which does it in order; events
 * order streams among each other. Safe for use from any thread.
 */
public interface Device extends AutoCloseable {
    /** Which one it is. */
    DeviceName name();

    /** The name, and what the device says of itself. */
    default String describe() {
        return name().toString();
    }

    /**
     * Whether device memory is host memory. Then {@link #adopt} lends host memory to the device as
     * it is, and no copy is needed to compute on a block that is in host memory.
     */
    default boolean unifiedMemory() {
        return name().kind().unifiedMemory();
    }

    /**
     * Allocates zeroed device memory within the device's budget; whoever asks owns it.
     *
     * @param purpose what it is for, as a refusal names it
     * @param sizeBytes at least 1
     * @throws io.millrace.memory.TierFullException when the budget does not hold it
     */
    DeviceBuffer allocate(String purpose, long sizeBytes);

    /**
     * Host memory as device memory, without a copy; closing it frees nothing.
     *
     * @throws UnsupportedOperationException where memory is not unified
     */
    DeviceBuffer adopt(MemorySegment hostMemory);

    /** Bytes of its memory that a run may take where no budget says how many. */
    default long capacityBytes() {
        return Ledger.UNLIMITED;
    }

    /** How host memory is pinned that the device copies from and to. */
    default Pinning pinning() {
        return Pinning.mlock();
    }

    /** The stream that copies to the device. */
    DeviceStream upload();

    /** The stream that computes. */
    DeviceStream compute();

    /** The stream that copies back. */
    DeviceStream offload();

    /** An event that was not recorded yet; waiting for it does not wait. */
    DeviceEvent newEvent();

    /**
     * Ends the streams after what they were handed.
     *
     * @throws IllegalStateException when a buffer is still open, naming each
     */
    @Override
    void close();
}
