package io.millrace.memory.device;

import io.millrace.memory.BadInputException;
import io.millrace.memory.Ledger;
import io.millrace.memory.NativeCallException;
import io.millrace.memory.OpenResources;
import io.millrace.memory.Tier;
import io.millrace.memory.cuda.CudaApi;
import io.millrace.memory.host.HostMemory;
import io.millrace.memory.host.Pinning;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * An NVIDIA card: its memory within the device's budget, and a stream each to copy there, to
 * compute and to copy back, which only events order among each other.
 */
public final class CudaDevice implements Device {
    private final CudaApi api;
    private final int ordinal;
    private final Ledger ledger;
    private final CudaFacts facts;
    private final long context;
    private final long capacityBytes;
    private final OpenResources open = new OpenResources();
    private final CudaArena arena;
    private final CudaClock clock;
    private final List<CudaStream> streams;
    private final CudaPinning pinning;
    private boolean closed;

    private CudaDevice(CudaApi api, int ordinal, Ledger ledger) {
        this.api = api;
        this.ordinal = ordinal;
        this.ledger = ledger;
        facts = CudaFacts.of(api, ordinal);
        pinning = new CudaPinning(this);
        context = api.retainContext(ordinal);
        try {
            api.makeCurrent(context);
            capacityBytes = CudaArena.capacityBytes(api);
            arena = new CudaArena(api, ordinal, ledger.budget(Tier.DEVICE));
            clock = new CudaClock(api);
            streams =
                    List.of(
                            new CudaStream(this, "upload", 0, api.createStream()),
                            new CudaStream(this, "compute", 1, api.createStream()),
                            new CudaStream(this, "offload", 2, api.createStream()));
        } catch (RuntimeException | Error e) {
            api.releaseContext(ordinal); // and the streams in it
            throw e;
        }
    }

    /**
     * Opens a card; whoever asks owns it.
     *
     * @param api the driver
     * @param ordinal its number, as the driver counts
     * @param ledger bounds its memory
     * @throws BadInputException when there is no such card
     */
    static CudaDevice open(CudaApi api, int ordinal, Ledger ledger) {
        int count = api.deviceCount();
        if (count == 0) {
            throw new BadInputException(
                    "--device",
                    "the NVIDIA driver finds no card for " + DeviceName.cuda(ordinal),
                    "see that nvidia-smi lists one, or use --device cpu");
        }
        if (ordinal >= count) {
            String first = DeviceName.cuda(0).toString();
            throw new BadInputException(
                    "--device",
                    "there is no " + DeviceName.cuda(ordinal),
                    "use " + first + (count == 1 ? "" : " to " + DeviceName.cuda(count - 1)));
        }
        return new CudaDevice(api, ordinal, ledger);
    }

    /** The driver, for launches; see {@link #makeCurrent}. */
    public CudaApi api() {
        return api;
    }

    /** Its number, as the driver counts. */
    public int ordinal() {
        return ordinal;
    }

    /** What it said of itself when it was opened. */
    public CudaFacts facts() {
        return facts;
    }

    /** What it says of itself now. */
    public CudaFacts askFacts() {
        return CudaFacts.of(api, ordinal);
    }

    /** Makes its context the calling thread's, which calls to {@link #api} need. */
    public void makeCurrent() {
        api.makeCurrent(context);
    }

    @Override
    public DeviceName name() {
        return DeviceName.cuda(ordinal);
    }

    @Override
    public String describe() {
        return name() + " (" + facts.describe() + ")";
    }

    @Override
    public DeviceBuffer allocate(String purpose, long sizeBytes) {
        if (sizeBytes < 1) {
            throw new IllegalArgumentException(purpose + " of " + sizeBytes + " bytes");
        }
        long pageBytes = HostMemory.pageBytes(sizeBytes);
        ledger.reserve(Tier.DEVICE, purpose, pageBytes);
        CudaBuffer buffer = null;
        try {
            makeCurrent();
            long address = arena.allocate(purpose, pageBytes);
            buffer = new CudaBuffer(this, address, sizeBytes, open.opened(purpose));
            clear(address, pageBytes);
            return buffer;
        } catch (RuntimeException | Error e) {
            if (buffer == null) {
                ledger.release(Tier.DEVICE, pageBytes);
            } else {
                buffer.close();
            }
            throw e;
        }
    }

    private void clear(long address, long sizeBytes) {
        long event = api.createEvent(false);
        try {
            api.fill(address, (byte) 0, sizeBytes, streams.get(0).handle());
            api.recordEvent(event, streams.get(0).handle());
            api.synchronizeEvent(event);
        } finally {
            api.destroyEvent(event);
        }
    }

    synchronized void free(long address, long sizeBytes, OpenResources.Opening opening) {
        long pageBytes = HostMemory.pageBytes(sizeBytes);
        if (!closed) {
            arena.free(address, pageBytes);
        }
        ledger.release(Tier.DEVICE, pageBytes);
        open.closed(opening);
    }

    @Override
    public DeviceBuffer adopt(MemorySegment hostMemory) {
        throw new UnsupportedOperationException(name() + " has its own memory; copy to it");
    }

    @Override
    public long capacityBytes() {
        return capacityBytes;
    }

    @Override
    public Pinning pinning() {
        return pinning;
    }

    @Override
    public CudaStream upload() {
        return streams.get(0);
    }

    @Override
    public CudaStream compute() {
        return streams.get(1);
    }

    @Override
    public CudaStream offload() {
        return streams.get(2);
    }

    CudaStream stream(int index) {
        return streams.get(index);
    }

    @Override
    public CudaEvent newEvent() {
        makeCurrent();
        return new CudaEvent(this, api.createEvent(true));
    }

    CudaClock clock() {
        return clock;
    }

    /** Bytes of its memory that are taken from the driver now, in the driver's granules. */
    public long takenBytes() {
        return arena.takenBytes();
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        makeCurrent();
        try {
            for (CudaStream stream : streams) {
                drain(stream);
                api.destroyStream(stream.handle());
            }
            clock.close();
            arena.close();
        } finally {
            api.releaseContext(ordinal);
        }
        open.requireNone("device " + name());
    }

    /** Its failure was told to those who waited for it; here nothing must be under way any more. */
    private void drain(CudaStream stream) {
        try {
            api.synchronizeStream(stream.handle());
        } catch (NativeCallException e) {
            stream.fail(e);
        }
    }
}
