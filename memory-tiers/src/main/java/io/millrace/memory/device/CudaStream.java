package io.millrace.memory.device;

import io.millrace.memory.NativeCallException;
import io.millrace.memory.OffloadException;
import io.millrace.memory.StreamFailedException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * A stream of a CUDA device. The card knows nothing of host code that throws, so failures are kept
 * here: each with its place in the stream, and for each other stream the latest place that was
 * waited for, by which a failure there is one here too.
 */
public final class CudaStream implements DeviceStream {
    /** Streams of a device. */
    static final int COUNT = 3;

    private record Failure(long place, Throwable cause) {}

    private final CudaDevice device;
    private final String name;
    private final int index;
    private final long handle;
    private final AtomicLongArray awaited = new AtomicLongArray(COUNT);
    private long queued; // guarded by this
    private volatile Failure failure;

    CudaStream(CudaDevice device, String name, int index, long handle) {
        this.device = device;
        this.name = name;
        this.index = index;
        this.handle = handle;
    }

    @Override
    public String name() {
        return name;
    }

    /** The driver's handle, for launches. Whoever launches sees failures of the driver at once. */
    public long handle() {
        return handle;
    }

    int index() {
        return index;
    }

    @Override
    public synchronized void copyH2D(MemorySegment source, DeviceBuffer target, long offset) {
        long address = ((CudaBuffer) target).at(offset, source.byteSize());
        if (begin()) {
            try {
                device.api().copyHtoD(address, source, handle);
            } catch (NativeCallException e) {
                fail(queued, e);
            }
        }
    }

    @Override
    public synchronized void copyD2H(DeviceBuffer source, long offset, MemorySegment target) {
        long address = ((CudaBuffer) source).at(offset, target.byteSize());
        if (begin()) {
            try {
                device.api().copyDtoH(target, address, handle);
            } catch (NativeCallException e) {
                fail(queued, e);
            }
        }
    }

    /** Takes the next place; false where what is handed over is skipped. */
    private boolean begin() {
        device.makeCurrent();
        queued++;
        return failedBefore(queued) == null;
    }

    @Override
    public synchronized void run(Runnable work) {
        if (begin()) {
            long place = queued;
            try {
                device.api().launchHostFunction(handle, () -> perform(place, work));
            } catch (NativeCallException e) {
                fail(place, e);
            }
        }
    }

    /** On a thread of the driver, which knows no exceptions: the one place there that catches. */
    private void perform(long place, Runnable work) {
        if (failedBefore(place) == null) {
            try {
                work.run();
            } catch (Throwable e) {
                fail(place, e);
            }
        }
    }

    @Override
    public synchronized void record(DeviceEvent event) {
        CudaEvent recorded = (CudaEvent) event;
        begin();
        try {
            recorded.recordOn(this, queued);
            // Also after a failure: somebody may wait for it.
            device.api().recordEvent(recorded.handle(), handle);
        } catch (NativeCallException e) {
            fail(queued - 1, e);
        }
    }

    @Override
    public synchronized void await(DeviceEvent event) {
        CudaEvent happening = (CudaEvent) event;
        CudaStream other = happening.stream();
        if (other == null) {
            return;
        }
        if (other != this) {
            awaited.accumulateAndGet(other.index, happening.place(), Math::max);
        }
        if (begin()) {
            try {
                device.api().streamWaitEvent(handle, happening.handle());
            } catch (NativeCallException e) {
                fail(queued, e);
            }
        }
    }

    @Override
    public void synchronize() {
        device.makeCurrent();
        try {
            device.api().synchronizeStream(handle);
        } catch (NativeCallException e) {
            fail(e);
        }
        Throwable failed = failedBefore(Long.MAX_VALUE);
        if (failed != null) {
            throw new StreamFailedException("stream " + name + " failed", failed);
        }
    }

    /** Notes a failure that the driver tells at a wait, which may be of anything before. */
    void fail(OffloadException cause) {
        fail(0, cause);
    }

    private void fail(long place, Throwable cause) {
        synchronized (awaited) {
            if (failure == null) {
                failure = new Failure(place, cause);
            } else if (!cause.equals(failure.cause)) {
                failure.cause.addSuppressed(cause);
            }
        }
    }

    /** What failed before a place of this stream, here or where it waited for; null for nothing. */
    Throwable failedBefore(long place) {
        return failedBefore(place, COUNT);
    }

    // Streams wait for each other in turn; a failure needs no more steps than there are streams.
    private Throwable failedBefore(long place, int steps) {
        Failure own = failure;
        if (own != null && own.place < place) {
            return own.cause;
        }
        for (int i = 0; i < COUNT && steps > 1; i++) {
            long waited = awaited.get(i);
            Throwable cause = waited == 0 ? null : device.stream(i).failedBefore(waited, steps - 1);
            if (cause != null) {
                return cause;
            }
        }
        return null;
    }
}
