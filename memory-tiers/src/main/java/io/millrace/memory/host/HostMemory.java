package io.millrace.memory.host;

import io.millrace.memory.Ledger;
import io.millrace.memory.Tier;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Hands out page-aligned slabs of host memory, each charged to the ledger while it lives. Safe for
 * use from any thread.
 */
public final class HostMemory {
    /** Slabs begin at multiples of this, as O_DIRECT and device registration ask. */
    public static final int PAGE_BYTES = 4096;

    private final Ledger ledger;

    /** Memory that is charged to the host account of a ledger. */
    public HostMemory(Ledger ledger) {
        this.ledger = ledger;
    }

    /** The ledger that slabs are charged to. */
    public Ledger ledger() {
        return ledger;
    }

    /**
     * Allocates a zeroed slab; whoever asks owns it and closes it.
     *
     * @param purpose what it is for, as a refusal names it
     * @param sizeBytes at least 1
     * @throws io.millrace.memory.TierFullException when the host budget does not hold it
     */
    public HostSlab allocate(String purpose, long sizeBytes) {
        ledger.reserve(Tier.HOST, purpose, sizeBytes);
        Arena arena = Arena.ofShared();
        try {
            MemorySegment segment = arena.allocate(sizeBytes, PAGE_BYTES);
            return new HostSlab(arena, segment, () -> ledger.release(Tier.HOST, sizeBytes));
        } catch (RuntimeException | Error e) {
            arena.close();
            ledger.release(Tier.HOST, sizeBytes);
            throw e;
        }
    }
}
