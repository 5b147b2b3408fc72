package io.millrace.memory.host;

import io.millrace.memory.Errno;
import io.millrace.memory.Ledger;
import io.millrace.memory.OpenResources;
import io.millrace.memory.Tier;
import java.lang.System.Logger.Level;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Hands out page-aligned slabs of host memory, each charged to the ledger while it lives. Safe for
 * use from any thread.
 */
public final class HostMemory {
    /** Slabs begin at multiples of this, as O_DIRECT and device registration ask. */
    public static final int PAGE_BYTES = 4096;

    // Below this a huge page would mostly be padding.
    private static final long HUGE_PAGE_BYTES = 2L << 20;

    private static final System.Logger LOG = System.getLogger(HostMemory.class.getName());

    private final Ledger ledger;
    private final Tier account;
    private final Pinning pinning;
    private final OpenResources open = new OpenResources();
    private long pinnedBytes;
    private long unpinnedBytes;
    private String pinWarning = "";

    /** Memory that is charged to the host account of a ledger and pinned by {@code mlock}. */
    public HostMemory(Ledger ledger) {
        this(ledger, Tier.HOST, Pinning.mlock());
    }

    /**
     * Memory charged to any account: a device that is emulated in host memory has its own.
     *
     * @param ledger bounds and counts
     * @param account the tier whose budget the slabs use
     * @param pinning how {@link #allocatePinned} pins
     */
    public HostMemory(Ledger ledger, Tier account, Pinning pinning) {
        this.ledger = ledger;
        this.account = account;
        this.pinning = pinning;
    }

    /** The ledger that slabs are charged to. */
    public Ledger ledger() {
        return ledger;
    }

    /** Bytes of whole pages that hold so many bytes: what the ledger is charged. */
    public static long pageBytes(long sizeBytes) {
        return Math.addExact(sizeBytes, PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    }

    /**
     * Allocates a zeroed slab; whoever asks owns it and closes it. Its pages take memory when first
     * touched.
     *
     * @param purpose what it is for, as a refusal names it
     * @param sizeBytes at least 1
     * @throws io.millrace.memory.TierFullException when the budget does not hold it
     */
    public HostSlab allocate(String purpose, long sizeBytes) {
        if (sizeBytes < 1) {
            throw new IllegalArgumentException(purpose + " of " + sizeBytes + " bytes");
        }
        long chargedBytes = pageBytes(sizeBytes);
        ledger.reserve(account, purpose, chargedBytes);
        long address;
        try {
            address = NativePages.map(chargedBytes);
        } catch (RuntimeException | Error e) {
            ledger.release(account, chargedBytes);
            throw e;
        }
        if (chargedBytes >= HUGE_PAGE_BYTES) {
            adviseHugePages(purpose, address, chargedBytes);
        }
        return new HostSlab(this, purpose, address, sizeBytes, chargedBytes);
    }

    private static void adviseHugePages(String purpose, long address, long sizeBytes) {
        int errno = NativePages.adviseHugePages(address, sizeBytes);
        if (errno != 0 && errno != Errno.EINVAL.code()) {
            LOG.log(
                    Level.WARNING,
                    purpose + " has no huge pages, which costs time: " + Errno.describe(errno));
        }
    }

    /**
     * Allocates a zeroed slab and pins it where the system lets us; {@link #pinReport} and a log
     * line say where it does not.
     *
     * @param purpose what it is for, as a refusal names it
     * @param sizeBytes at least 1
     * @throws io.millrace.memory.TierFullException when the budget does not hold it
     */
    public HostSlab allocatePinned(String purpose, long sizeBytes) {
        HostSlab slab = allocate(purpose, sizeBytes);
        try {
            Optional<String> refusal = pinning.pin(slab.pages());
            slab.setPinned(refusal.isEmpty() ? HostSlab.Pin.PINNED : HostSlab.Pin.REFUSED);
            notePin(slab.pages().byteSize(), refusal);
            return slab;
        } catch (RuntimeException | Error e) {
            slab.close();
            throw e;
        }
    }

    /** How much of what was to be pinned is pinned now. */
    public synchronized PinReport pinReport() {
        return new PinReport(pinning.name(), pinnedBytes, unpinnedBytes, pinWarning);
    }

    /** Slabs that are open now. */
    public int openSlabs() {
        return open.count();
    }

    /** Fails, naming each, where a slab is still open. */
    public void requireNoneOpen() {
        open.requireNone("host memory");
    }

    OpenResources.Opening opened(String purpose) {
        return open.opened(purpose);
    }

    void release(
            MemorySegment pages, long chargedBytes, HostSlab.Pin pin, OpenResources.Opening slab) {
        switch (pin) {
            case PINNED -> {
                pinning.unpin(pages);
                addPinned(-chargedBytes, 0);
            }
            case REFUSED -> addPinned(0, -chargedBytes);
            case NOT_ASKED -> {}
        }
        NativePages.unmap(pages.address(), chargedBytes);
        ledger.release(account, chargedBytes);
        open.closed(slab);
    }

    private synchronized void notePin(long sizeBytes, Optional<String> refusal) {
        addPinned(refusal.isEmpty() ? sizeBytes : 0, refusal.isEmpty() ? 0 : sizeBytes);
        if (refusal.isPresent()) {
            if (pinWarning.isEmpty()) {
                LOG.log(Level.WARNING, refusal.get());
            }
            pinWarning = refusal.get();
        }
    }

    private synchronized void addPinned(long pinned, long unpinned) {
        pinnedBytes += pinned;
        unpinnedBytes += unpinned;
    }
}
