package io.millrace.memory.host;

import io.millrace.memory.OpenResources;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Slots of exact sizes carved from one pinned slab, lent and returned; nothing is allocated from
 * the system between open and close, so nothing fragments. Safe for use from any thread.
 */
public final class SlabPool implements AutoCloseable {
    private final HostSlab slab;
    private final String purpose;
    private final MemorySegment[] slots; // by size, the smallest first
    private final boolean[] lent;
    private final OpenResources leases = new OpenResources();
    private int highWater;
    private boolean closed;

    /**
     * Allocates and pins one slab for all slots. Each slot begins on a page and takes whole pages,
     * so that O_DIRECT may write it.
     *
     * @param memory where the slab comes from
     * @param purpose what the slots are for, as messages name them
     * @param slotBytes one size for each slot
     * @throws io.millrace.memory.TierFullException when the budget does not hold all of them
     */
    public SlabPool(HostMemory memory, String purpose, long... slotBytes) {
        long[] sizes = slotBytes.clone();
        Arrays.sort(sizes);
        if (sizes.length == 0 || sizes[0] < 1) {
            throw new IllegalArgumentException(purpose + ": slots of " + Arrays.toString(sizes));
        }
        long total = 0;
        for (long size : sizes) {
            total = Math.addExact(total, HostMemory.pageBytes(size));
        }
        this.purpose = purpose;
        this.slab = memory.allocatePinned(purpose, total);
        this.slots = new MemorySegment[sizes.length];
        this.lent = new boolean[sizes.length];
        long offset = 0;
        for (int i = 0; i < sizes.length; i++) {
            long pages = HostMemory.pageBytes(sizes[i]);
            slots[i] = slab.segment().asSlice(offset, pages);
            offset += pages;
        }
    }

    /** Slots of one size. */
    public static SlabPool ofEqualSlots(
            HostMemory memory, String purpose, long slotBytes, int slotCount) {
        long[] sizes = new long[slotCount];
        Arrays.fill(sizes, slotBytes);
        return new SlabPool(memory, purpose, sizes);
    }

    /**
     * Lends the smallest free slot that holds so many bytes.
     *
     * @return null when every slot that would do is lent
     * @throws IllegalArgumentException when no slot, lent or free, is that large
     */
    public synchronized SlotLease tryLease(long sizeBytes) {
        requireOpen();
        if (sizeBytes < 1 || sizeBytes > slots[slots.length - 1].byteSize()) {
            throw new IllegalArgumentException(
                    purpose + " has no slot for " + sizeBytes + " bytes");
        }
        for (int i = 0; i < slots.length; i++) {
            if (!lent[i] && slots[i].byteSize() >= sizeBytes) {
                lent[i] = true;
                int index = i;
                OpenResources.Opening opening = leases.opened(purpose + " slot " + index);
                highWater = Math.max(highWater, leases.count());
                return new SlotLease(this, index, slots[i], opening);
            }
        }
        return null;
    }

    /** Lends a slot as {@link #tryLease} does, waiting until one is free. */
    public synchronized SlotLease lease(long sizeBytes) throws InterruptedException {
        SlotLease lease = tryLease(sizeBytes);
        while (lease == null) {
            wait();
            lease = tryLease(sizeBytes);
        }
        return lease;
    }

    /** Slots in all. */
    public int slotCount() {
        return slots.length;
    }

    /** Slots lent now. */
    public int lentCount() {
        return leases.count();
    }

    /** The most slots ever lent at once. */
    public synchronized int highWater() {
        return highWater;
    }

    /** Bytes of the slab. */
    public long sizeBytes() {
        return slab.sizeBytes();
    }

    /** Whether the slab is pinned. */
    public boolean isPinned() {
        return slab.isPinned();
    }

    /**
     * Frees the slab; a second call does nothing.
     *
     * @throws IllegalStateException when a lease is out; the slab is freed all the same, and use of
     *     such a lease fails
     */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            notifyAll();
            slab.close();
            leases.requireNone("pool of " + purpose);
        }
    }

    synchronized void release(int slot, OpenResources.Opening opening) {
        lent[slot] = false;
        leases.closed(opening);
        notifyAll();
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("pool of " + purpose + " is closed");
        }
    }
}
