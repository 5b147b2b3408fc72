package io.millrace.memory.device;

import java.lang.foreign.MemorySegment;

/**
 * An ordered queue of work. A call returns once the work is queued, at the latest when it is done.
 * The first failure poisons the stream: later work is skipped, its events carry the failure to
 * those who wait for them, and {@link #synchronize} throws it.
 */
public interface DeviceStream {
    /** Its name in thread names and messages. */
    String name();

    /**
     * Copies host memory to the device. Both must stay as they are until the stream has passed.
     *
     * @param source any host memory; pinned memory is faster on devices that have their own
     * @param target on the stream's device
     * @param targetOffset the first byte to write in it
     */
    void copyH2D(MemorySegment source, DeviceBuffer target, long targetOffset);

    /** Copies device memory to the host; {@link #copyH2D} the other way. */
    void copyD2H(DeviceBuffer source, long sourceOffset, MemorySegment target);

    /** Runs host code when the stream gets there. */
    void run(Runnable work);

    /** Marks the place reached so far; the event happens when the stream gets there. */
    void record(DeviceEvent event);

    /** Lets the stream wait, and not the caller, until an event's last record has happened. */
    void await(DeviceEvent event);

    /**
     * Waits until everything queued is done.
     *
     * @throws io.millrace.memory.StreamFailedException the first failure, as its cause
     */
    void synchronize();
}
