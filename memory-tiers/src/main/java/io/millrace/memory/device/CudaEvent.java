package io.millrace.memory.device;

import io.millrace.memory.NativeCallException;
import io.millrace.memory.StreamFailedException;

/** An event of a CUDA device. */
public final class CudaEvent implements DeviceEvent {
    private final CudaDevice device;
    private final long handle;
    private CudaStream stream; // of the last record; null before the first
    private long place; // in that stream
    private CudaClock.Base base;
    private boolean timed;
    private long timeNs;
    private boolean closed;

    CudaEvent(CudaDevice device, long handle) {
        this.device = device;
        this.handle = handle;
    }

    /** The driver's handle. */
    public long handle() {
        return handle;
    }

    /** Called by a stream just before it records: what was recorded earlier is forgotten. */
    synchronized void recordOn(CudaStream newStream, long newPlace) {
        // The place first: should the driver fail here, who waits for the event is to hear of it.
        stream = newStream;
        place = newPlace;
        timed = false;
        CudaClock.Base old = base;
        base = device.clock().acquire();
        if (old != null) {
            device.clock().release(old);
        }
    }

    synchronized CudaStream stream() {
        return stream;
    }

    synchronized long place() {
        return place;
    }

    @Override
    public boolean isDone() {
        device.makeCurrent();
        return stream() == null || device.api().isEventDone(handle);
    }

    @Override
    public void synchronize() {
        CudaStream recorded;
        long recordedPlace;
        synchronized (this) {
            recorded = stream;
            recordedPlace = place;
        }
        if (recorded == null) {
            return;
        }
        device.makeCurrent();
        try {
            device.api().synchronizeEvent(handle);
        } catch (NativeCallException e) {
            recorded.fail(e);
        }
        Throwable failed = recorded.failedBefore(recordedPlace);
        if (failed != null) {
            throw new StreamFailedException(
                    "stream " + recorded.name() + " failed before the event", failed);
        }
    }

    @Override
    public synchronized long timeNs() {
        if (stream == null) {
            return 0;
        }
        if (!timed) {
            device.makeCurrent();
            timeNs = device.clock().timeNs(base, handle);
            timed = true;
        }
        return timeNs;
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        device.makeCurrent();
        if (base != null) {
            device.clock().release(base);
            base = null;
        }
        device.api().destroyEvent(handle);
    }
}
