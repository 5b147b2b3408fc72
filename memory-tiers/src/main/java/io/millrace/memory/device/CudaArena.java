package io.millrace.memory.device;

import io.millrace.memory.ByteSize;
import io.millrace.memory.NativeCallException;
import io.millrace.memory.TierFullException;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.cuda.CudaAttribute;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.TreeMap;

/**
 * All memory of a device in one range of addresses that grows with what is asked of it, so that
 * buffers lie page by page and the driver's coarse granules are rounded up to once, not once a
 * buffer. Where the driver cannot map addresses, the whole budget is taken at the first buffer.
 *
 * <p>Slots and scratch come when a run starts and go when it ends; nothing here is fast.
 */
final class CudaArena implements AutoCloseable {
    private static final int PAGE_BYTES = 4096;
    private static final int ERROR_OUT_OF_MEMORY = 2;

    // Left to the driver and its libraries where the budget does not say what to take.
    private static final long DRIVERS_SHARE = 16;

    private record Part(long address, long sizeBytes) {}

    private final CudaApi api;
    private final int ordinal;
    private final long budgetBytes;
    private final boolean maps;
    private final Deque<Part> mapped = new ArrayDeque<>();
    private final TreeMap<Long, Long> free = new TreeMap<>(); // offset to size, never adjacent
    private long base;
    private long rangeBytes; // 0 until the first buffer
    private long granuleBytes;
    private long mappedBytes;

    /**
     * An arena that holds nothing yet. The device's context is current wherever it is used.
     *
     * @param budgetBytes what it may take, as far as the device has it
     */
    CudaArena(CudaApi api, int ordinal, long budgetBytes) {
        this.api = api;
        this.ordinal = ordinal;
        this.budgetBytes = budgetBytes;
        maps = api.attribute(ordinal, CudaAttribute.VIRTUAL_MEMORY_MANAGEMENT_SUPPORTED) != 0;
    }

    /** Bytes that the current context's device has free, less what its libraries will want. */
    static long capacityBytes(CudaApi api) {
        long freeBytes = api.freeMemoryBytes();
        return (freeBytes - freeBytes / DRIVERS_SHARE) / PAGE_BYTES * PAGE_BYTES;
    }

    /** Addresses of so many bytes, which begin on a page; their contents may be anything. */
    synchronized long allocate(String purpose, long sizeBytes) {
        if (rangeBytes == 0) {
            openRange(purpose, sizeBytes);
        }
        long offset = carve(purpose, sizeBytes);
        try {
            mapThrough(offset + sizeBytes);
        } catch (NativeCallException e) {
            giveBack(offset, sizeBytes);
            throw refusal(e, purpose, sizeBytes);
        }
        return base + offset;
    }

    private void openRange(String purpose, long sizeBytes) {
        if (maps) {
            granuleBytes = api.mapGranularityBytes(ordinal);
            rangeBytes = granules(Math.min(budgetBytes, api.deviceMemoryBytes(ordinal)));
            base = api.reserveAddresses(rangeBytes);
        } else {
            long takenBytes = Math.min(budgetBytes, capacityBytes(api));
            try {
                base = api.memAlloc(takenBytes);
            } catch (NativeCallException e) {
                throw refusal(e, purpose, sizeBytes);
            }
            rangeBytes = takenBytes;
            mappedBytes = takenBytes;
        }
        free.put(0L, rangeBytes);
    }

    private long granules(long sizeBytes) {
        return Math.addExact(sizeBytes, granuleBytes - 1) / granuleBytes * granuleBytes;
    }

    /** The lowest place that is large enough, so that what is mapped ends as low as it can. */
    private long carve(String purpose, long sizeBytes) {
        long offset =
                free.entrySet().stream()
                        .filter(hole -> hole.getValue() >= sizeBytes)
                        .map(Map.Entry::getKey)
                        .findFirst()
                        .orElseThrow(() -> noPlace(purpose, sizeBytes));
        long left = free.remove(offset) - sizeBytes;
        if (left > 0) {
            free.put(offset + sizeBytes, left);
        }
        return offset;
    }

    private TierFullException noPlace(String purpose, long sizeBytes) {
        return new TierFullException(
                String.format(
                        "%s (%s) finds no place in the %s that cuda:%d may use",
                        purpose, ByteSize.format(sizeBytes), ByteSize.format(rangeBytes), ordinal));
    }

    private void mapThrough(long endOffset) {
        if (maps && endOffset > mappedBytes) {
            long missing = granules(endOffset - mappedBytes);
            api.map(ordinal, base + mappedBytes, missing);
            mapped.push(new Part(base + mappedBytes, missing));
            mappedBytes += missing;
        }
    }

    private RuntimeException refusal(NativeCallException e, String purpose, long sizeBytes) {
        if (e.code() != ERROR_OUT_OF_MEMORY) {
            return e;
        }
        TierFullException full =
                new TierFullException(
                        String.format(
                                "%s (%s) does not fit cuda:%d, of whose memory %s is free; give a"
                                        + " smaller --device-budget, or end what else uses it",
                                purpose,
                                ByteSize.format(sizeBytes),
                                ordinal,
                                ByteSize.format(api.freeMemoryBytes())));
        full.addSuppressed(e);
        return full;
    }

    synchronized void free(long address, long sizeBytes) {
        giveBack(address - base, sizeBytes);
    }

    private void giveBack(long offset, long sizeBytes) {
        long begin = offset;
        long end = offset + sizeBytes;
        Map.Entry<Long, Long> before = free.floorEntry(begin);
        if (before != null && before.getKey() + before.getValue() == begin) {
            begin = before.getKey();
        }
        Long after = free.remove(end);
        free.put(begin, end - begin + (after == null ? 0 : after));
    }

    /** Bytes taken from the driver now. */
    synchronized long takenBytes() {
        return mappedBytes;
    }

    /** Gives everything back to the driver; nothing on the device may use it any more. */
    @Override
    public synchronized void close() {
        if (rangeBytes == 0) {
            return;
        }
        if (maps) {
            while (!mapped.isEmpty()) {
                Part part = mapped.pop();
                api.unmap(part.address, part.sizeBytes);
            }
            api.freeAddresses(base, rangeBytes);
        } else {
            api.memFree(base);
        }
        rangeBytes = 0;
        mappedBytes = 0;
    }
}
