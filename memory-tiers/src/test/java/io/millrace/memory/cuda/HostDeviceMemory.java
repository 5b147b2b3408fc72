package io.millrace.memory.cuda;

import io.millrace.memory.Ledger;
import io.millrace.memory.NativeCallException;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.HostSlab;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The memory of a device that is not there, and what of the host's is registered with it. Contents
 * are poisoned, every address is checked, and a write just beside an allocation is found.
 */
final class HostDeviceMemory implements KernelLibrary.DeviceMemory {
    static final int GRANULARITY_BYTES = 64 << 10;

    private static final byte POISON = (byte) 0xFF; // not a number, in every float
    private static final byte CANARY = 0x5C;
    private static final int CANARY_BYTES = HostMemory.PAGE_BYTES;

    private record Allocation(HostSlab slab, long sizeBytes) {}

    private final long capacityBytes;
    private final boolean takesPageable;
    private final HostMemory memory = new HostMemory(Ledger.unlimited());
    private final TreeMap<Long, Allocation> allocations = new TreeMap<>();
    private final TreeMap<Long, HostSlab> reservations = new TreeMap<>();
    private final TreeMap<Long, Long> mapped = new TreeMap<>();
    private final TreeMap<Long, Long> registered = new TreeMap<>();
    private long usedBytes;

    HostDeviceMemory(HostCudaOptions options) {
        capacityBytes = options.memoryBytes();
        takesPageable = options.takesPageable();
    }

    synchronized long freeBytes() {
        return capacityBytes - usedBytes;
    }

    synchronized long allocate(long sizeBytes) {
        use("cuMemAlloc", sizeBytes);
        HostSlab slab = memory.allocate("device memory", sizeBytes + 2L * CANARY_BYTES);
        slab.segment().fill(CANARY);
        slab.segment().asSlice(CANARY_BYTES, sizeBytes).fill(POISON);
        long address = slab.segment().address() + CANARY_BYTES;
        allocations.put(address, new Allocation(slab, sizeBytes));
        return address;
    }

    private void use(String call, long sizeBytes) {
        if (sizeBytes < 1 || sizeBytes > freeBytes()) {
            int code = sizeBytes < 1 ? 1 : 2;
            throw new NativeCallException(
                    call + "(" + sizeBytes + ")",
                    code,
                    code == 1 ? "CUDA_ERROR_INVALID_VALUE" : "CUDA_ERROR_OUT_OF_MEMORY");
        }
        usedBytes += sizeBytes;
    }

    synchronized void free(long address) {
        requireCanaries();
        Allocation allocation = take(allocations, address, "cuMemFree");
        usedBytes -= allocation.sizeBytes;
        allocation.slab.close();
    }

    private static <T> T take(Map<Long, T> from, long address, String call) {
        T found = from.remove(address);
        if (found == null) {
            throw new NativeCallException(
                    call + "(0x" + Long.toHexString(address) + ")", 1, "CUDA_ERROR_INVALID_VALUE");
        }
        return found;
    }

    synchronized long reserve(long sizeBytes) {
        HostSlab slab = memory.allocate("addresses", sizeBytes);
        reservations.put(slab.segment().address(), slab);
        return slab.segment().address();
    }

    synchronized void freeReserved(long address, long sizeBytes) {
        if (mapped.ceilingKey(address) != null
                && mapped.ceilingKey(address) < address + sizeBytes) {
            throw new NativeCallException("cuMemAddressFree", 1, "addresses are still mapped");
        }
        take(reservations, address, "cuMemAddressFree").close();
    }

    synchronized void map(long address, long sizeBytes) {
        Map.Entry<Long, HostSlab> reservation = reservations.floorEntry(address);
        if (reservation == null
                || (address - reservation.getKey()) % GRANULARITY_BYTES != 0
                || sizeBytes % GRANULARITY_BYTES != 0
                || address + sizeBytes
                        > reservation.getKey() + reservation.getValue().sizeBytes()) {
            throw new NativeCallException("cuMemMap", 1, "CUDA_ERROR_INVALID_VALUE");
        }
        use("cuMemCreate", sizeBytes);
        mapped.put(address, sizeBytes);
        reservation
                .getValue()
                .segment()
                .asSlice(address - reservation.getKey(), sizeBytes)
                .fill(POISON);
    }

    synchronized void unmap(long address, long sizeBytes) {
        if (take(mapped, address, "cuMemUnmap") != sizeBytes) {
            throw new NativeCallException("cuMemUnmap", 1, "not all of what was mapped at once");
        }
        usedBytes -= sizeBytes;
    }

    synchronized void register(MemorySegment pages) {
        if (registered.put(pages.address(), pages.byteSize()) != null) {
            throw new NativeCallException(
                    "cuMemHostRegister", 712, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED");
        }
    }

    synchronized void unregister(MemorySegment pages) {
        take(registered, pages.address(), "cuMemHostUnregister");
    }

    /** Refuses host memory that copies may not use. */
    synchronized void requireHost(MemorySegment host, String call) {
        Map.Entry<Long, Long> pages = registered.floorEntry(host.address());
        boolean held =
                pages != null
                        && host.address() + host.byteSize() <= pages.getKey() + pages.getValue();
        if (!host.isNative() || !(takesPageable || held)) {
            throw new NativeCallException(
                    call + "(" + host + ")", 1, "host memory that is not registered");
        }
    }

    @Override
    public synchronized MemorySegment at(long address, long sizeBytes) {
        Map.Entry<Long, Allocation> allocation = allocations.floorEntry(address);
        if (allocation != null
                && address + sizeBytes <= allocation.getKey() + allocation.getValue().sizeBytes) {
            HostSlab slab = allocation.getValue().slab;
            return slab.segment().asSlice(address - slab.segment().address(), sizeBytes);
        }
        Map.Entry<Long, HostSlab> reservation = reservations.floorEntry(address);
        if (reservation != null && isMapped(address, sizeBytes)) {
            return reservation
                    .getValue()
                    .segment()
                    .asSlice(address - reservation.getKey(), sizeBytes);
        }
        throw new IndexOutOfBoundsException(
                "device memory 0x"
                        + Long.toHexString(address)
                        + " of "
                        + sizeBytes
                        + " bytes is not allocated");
    }

    private boolean isMapped(long address, long sizeBytes) {
        long next = address;
        while (next < address + sizeBytes || next == address) {
            Map.Entry<Long, Long> part = mapped.floorEntry(next);
            if (part == null || next >= part.getKey() + part.getValue()) {
                return false;
            }
            next = part.getKey() + part.getValue();
        }
        return true;
    }

    /** Fails where something wrote beside an allocation. */
    synchronized void requireCanaries() {
        for (Map.Entry<Long, Allocation> one : allocations.entrySet()) {
            MemorySegment all = one.getValue().slab.segment();
            long end = CANARY_BYTES + one.getValue().sizeBytes;
            for (long i = 0; i < CANARY_BYTES; i++) {
                if (all.get(ValueLayout.JAVA_BYTE, i) != CANARY
                        || all.get(ValueLayout.JAVA_BYTE, end + i) != CANARY) {
                    throw new IndexOutOfBoundsException(
                            "something wrote beside the allocation at 0x"
                                    + Long.toHexString(one.getKey()));
                }
            }
        }
    }

    /** What is still held, one by one. */
    synchronized List<String> leftovers() {
        List<String> left = new ArrayList<>();
        Map.of(
                        "allocation", allocations,
                        "reservation", reservations,
                        "mapping", mapped,
                        "registered region", registered)
                .forEach((kind, held) ->
                        held.keySet().forEach(one -> left.add(kind + " " + Long.toHexString(one))));
        return left;
    }
}
