package io.millrace.memory.device;

import io.millrace.memory.cuda.CudaApi;

/**
 * Puts times of a device on the host's clock. The driver tells only how far two events lie apart,
 * as a float of milliseconds that coarsens with the distance, and the two clocks drift; so an event
 * is measured against a base event that was recorded at most a second before it, at a host time
 * known to a few microseconds.
 */
final class CudaClock implements AutoCloseable {
    private static final long BASE_AGE_NS = 1_000_000_000;
    // A base is good when the host's clock was read this close round it; the best of a few is kept.
    private static final long CLOSE_NS = 20_000;
    private static final int ATTEMPTS = 5;

    /** An event at a known host time; kept while events were recorded that are measured by it. */
    static final class Base {
        private long event;
        private long hostNs;
        private int users;
    }

    private final CudaApi api;
    private final long stream;
    private Base current;
    private long spareEvent; // 0 where there is none

    /** A clock of the device whose context is current. */
    CudaClock(CudaApi api) {
        this.api = api;
        stream = api.createStream(); // nothing else is on it, so that it records at once
    }

    /** The base for an event that is recorded after this call; {@link #release} gives it back. */
    synchronized Base acquire() {
        if (current == null || System.nanoTime() - current.hostNs > BASE_AGE_NS) {
            Base old = current;
            current = measure();
            if (old != null && old.users == 0) {
                retire(old);
            }
        }
        current.users++;
        return current;
    }

    private Base measure() {
        Base best = null;
        long bestWidth = Long.MAX_VALUE;
        for (int i = 0; i < ATTEMPTS && bestWidth > CLOSE_NS; i++) {
            Base next = new Base();
            next.event = takeEvent();
            long before = System.nanoTime();
            api.recordEvent(next.event, stream);
            while (!api.isEventDone(next.event)) {
                Thread.onSpinWait(); // to sleep would tell the time of waking
            }
            long width = System.nanoTime() - before;
            next.hostNs = before + width / 2;
            Base worse = width < bestWidth ? best : next;
            if (width < bestWidth) {
                best = next;
                bestWidth = width;
            }
            if (worse != null) {
                retire(worse);
            }
        }
        return best;
    }

    private long takeEvent() {
        long event = spareEvent;
        spareEvent = 0;
        return event == 0 ? api.createEvent(true) : event;
    }

    private void retire(Base base) {
        if (spareEvent == 0) {
            spareEvent = base.event;
        } else {
            api.destroyEvent(base.event);
        }
    }

    synchronized void release(Base base) {
        if (--base.users == 0 && base != current) {
            retire(base);
        }
    }

    /** When an event happened that has, on the clock of {@link System#nanoTime}. */
    long timeNs(Base base, long event) {
        return base.hostNs + (long) (api.elapsedMs(base.event, event) * 1e6);
    }

    @Override
    public synchronized void close() {
        if (current != null) {
            api.destroyEvent(current.event);
            current = null;
        }
        if (spareEvent != 0) {
            api.destroyEvent(spareEvent);
            spareEvent = 0;
        }
        api.destroyStream(stream);
    }
}
