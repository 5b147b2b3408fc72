package io.millrace.prefetch;

import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceEvent;
import java.lang.foreign.MemorySegment;

/** A device with memory of its own, as the pipeline sees it. */
public interface DevicePort {
    /** One region of device memory with one owner. */
    interface Region extends AutoCloseable {
        /**
         * Its bytes, where the host can address them.
         *
         * @throws UnsupportedOperationException where it cannot
         */
        MemorySegment segment();

        /** Where it begins on the device. */
        default long address() {
            return segment().address();
        }

        /** Frees it; a second call does nothing. */
        @Override
        void close();
    }

    /**
     * Allocates device memory; whoever asks owns it.
     *
     * @param purpose what it is for, as a refusal names it
     * @throws io.millrace.memory.TierFullException when the budget does not hold it
     */
    Region allocate(String purpose, long sizeBytes);

    /**
     * Copies to the beginning of a region and returns when the bytes are there. One upload runs at
     * a time.
     *
     * @param times takes when the device was copying
     */
    void upload(MemorySegment host, Region device, CopyTimes times);

    /**
     * Copies from the beginning of a region and returns when the bytes are there. One download runs
     * at a time.
     *
     * @param times takes when the device was copying
     */
    void download(Region device, MemorySegment host, CopyTimes times);

    /** An event of the device; whoever asks owns it. */
    DeviceEvent newEvent();

    /** The memory and the copying streams of a device, which outlives this. */
    static DevicePort of(Device device) {
        return new StreamPort(device);
    }
}
