package io.millrace.memory.device;

import io.millrace.memory.StreamFailedException;
import java.lang.foreign.MemorySegment;

/** A stream that does its work at once on the thread that hands it over: a CPU has no engines. */
final class InlineStream implements DeviceStream {
    private final String name;
    private Throwable failure;

    InlineStream(String name) {
        this.name = name;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public synchronized void copyH2D(MemorySegment source, DeviceBuffer target, long offset) {
        run(() -> Copies.copy(source, target.segment().asSlice(offset, source.byteSize())));
    }

    @Override
    public synchronized void copyD2H(DeviceBuffer source, long offset, MemorySegment target) {
        run(() -> Copies.copy(source.segment().asSlice(offset, target.byteSize()), target));
    }

    @Override
    public synchronized void run(Runnable work) {
        if (failure == null) {
            try {
                work.run();
            } catch (RuntimeException | Error e) {
                failure = e;
            }
        }
    }

    @Override
    public synchronized void record(DeviceEvent event) {
        HostEvent recorded = (HostEvent) event;
        recorded.happen(recorded.ask(), System.nanoTime(), failure);
    }

    @Override
    public synchronized void await(DeviceEvent event) {
        HostEvent awaited = (HostEvent) event;
        Throwable failed = awaited.awaitTicket(awaited.lastAsked());
        if (failure == null) {
            failure = failed;
        }
    }

    @Override
    public synchronized void synchronize() {
        if (failure != null) {
            throw new StreamFailedException("stream " + name + " failed", failure);
        }
    }
}
