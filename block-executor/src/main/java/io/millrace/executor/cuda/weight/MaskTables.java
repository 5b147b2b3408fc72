package io.millrace.executor.cuda.weight;

import io.millrace.memory.device.Device;
import io.millrace.memory.device.DeviceBuffer;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import io.millrace.optim.mask.ListedMask;
import java.lang.foreign.MemorySegment;

/**
 * What a mask lists, in device memory for the whole run: of each tensor how many elements are
 * listed below each stretch, and then the place of each in its stretch. Two bytes a listed element,
 * and four a stretch.
 */
public final class MaskTables implements AutoCloseable {
    private static final int ALIGNMENT = 8;

    private final DeviceBuffer memory;
    private final long[] offsets; // by tensor; below 0 where nothing is listed

    /**
     * Brings a mask's lists to a device.
     *
     * @param staging pinned memory that they pass through
     */
    public MaskTables(Device device, HostSlab staging, ListedMask mask) {
        offsets = new long[mask.tensors()];
        memory = device.allocate("elements that a mask lists", bytes(mask));
        StagedCopy copy = new StagedCopy(device, staging);
        try {
            long at = 0;
            for (int tensor = 0; tensor < offsets.length; tensor++) {
                offsets[tensor] = mask.listed(tensor) == 0 ? -1 : at;
                if (mask.listed(tensor) > 0) {
                    MemorySegment starts = MemorySegment.ofArray(mask.starts(tensor));
                    MemorySegment places = MemorySegment.ofArray(mask.places(tensor));
                    copy.copy(starts, memory, at);
                    copy.copy(places, memory, at + starts.byteSize());
                    at += tableBytes(mask, tensor);
                }
            }
        } catch (RuntimeException | Error e) {
            memory.close();
            throw e;
        }
    }

    /** Bytes of device memory that a mask's lists take. */
    public static long bytes(ListedMask mask) {
        long bytes = 0;
        for (int tensor = 0; tensor < mask.tensors(); tensor++) {
            bytes += tableBytes(mask, tensor);
        }
        return HostMemory.pageBytes(bytes);
    }

    private static long tableBytes(ListedMask mask, int tensor) {
        if (mask.listed(tensor) == 0) {
            return 0;
        }
        long starts = (mask.stretches(tensor) + 1L) * Integer.BYTES;
        long places = (long) mask.listed(tensor) * Short.BYTES;
        return Math.ceilDiv(starts + places, ALIGNMENT) * ALIGNMENT;
    }

    /** Address of a tensor's; 0 where nothing of it is listed. */
    public long address(int tensorId) {
        return offsets[tensorId] < 0 ? 0 : memory.address() + offsets[tensorId];
    }

    @Override
    public void close() {
        memory.close();
    }
}
