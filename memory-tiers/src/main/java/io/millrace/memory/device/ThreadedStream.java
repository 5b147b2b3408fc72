package io.millrace.memory.device;

import io.millrace.memory.StreamFailedException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.LockSupport;

/**
 * A stream on a thread of its own. Its queue is a ring of entries made once, so that handing it
 * work allocates nothing but views; a full ring lets the caller wait.
 */
final class ThreadedStream implements DeviceStream, AutoCloseable {
    private static final int ENTRIES = 1024;
    // A pause between two copies that is shorter than this is lateness and not idleness.
    private static final long BACK_TO_BACK_NS = 200_000;

    private enum Kind {
        COPY,
        RUN,
        RECORD,
        AWAIT,
        END
    }

    private static final class Entry {
        private Kind kind = Kind.END;
        private MemorySegment source;
        private MemorySegment target;
        private Runnable work;
        private HostEvent event;
        private long ticket;
    }

    private final String name;
    private final long bytesPerSecond; // 0 for no limit
    private final Thread thread;
    private final Entry[] ring = new Entry[ENTRIES];
    private long queued;
    private long done;
    private boolean closed;
    private Throwable failure;

    // The stream's thread only: when the copy engine is free again.
    private long engineFreeNs;

    ThreadedStream(String name, long bytesPerSecond) {
        this.name = name;
        this.bytesPerSecond = bytesPerSecond;
        for (int i = 0; i < ENTRIES; i++) {
            ring[i] = new Entry();
        }
        engineFreeNs = System.nanoTime();
        thread = Thread.ofPlatform().daemon().name("millrace-" + name).start(this::work);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public void copyH2D(MemorySegment source, DeviceBuffer target, long offset) {
        enqueueCopy(source, target.segment().asSlice(offset, source.byteSize()));
    }

    @Override
    public void copyD2H(DeviceBuffer source, long offset, MemorySegment target) {
        enqueueCopy(source.segment().asSlice(offset, target.byteSize()), target);
    }

    private synchronized void enqueueCopy(MemorySegment source, MemorySegment target) {
        Entry entry = claim(Kind.COPY);
        entry.source = source;
        entry.target = target;
        publish();
    }

    @Override
    public synchronized void run(Runnable work) {
        claim(Kind.RUN).work = work;
        publish();
    }

    @Override
    public synchronized void record(DeviceEvent event) {
        Entry entry = claim(Kind.RECORD);
        entry.event = (HostEvent) event;
        entry.ticket = entry.event.ask();
        publish();
    }

    @Override
    public synchronized void await(DeviceEvent event) {
        Entry entry = claim(Kind.AWAIT);
        entry.event = (HostEvent) event;
        entry.ticket = entry.event.lastAsked();
        publish();
    }

    @Override
    public synchronized void synchronize() {
        long target = queued;
        boolean interrupted = false;
        while (done < target) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true; // buffers are in use until the stream has passed
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure != null) {
            throw new StreamFailedException("stream " + name + " failed", failure);
        }
    }

    /** Ends the thread after what was queued. */
    @Override
    public void close() {
        synchronized (this) {
            if (closed) {
                return;
            }
            claim(Kind.END);
            closed = true;
            publish();
        }
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private Entry claim(Kind kind) {
        if (Thread.currentThread().equals(thread)) {
            throw new IllegalStateException("work on stream " + name + " may not queue more there");
        }
        boolean interrupted = false;
        while (queued - done == ENTRIES) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (closed) {
            throw new IllegalStateException("stream " + name + " is closed");
        }
        Entry entry = ring[(int) (queued % ENTRIES)];
        entry.kind = kind;
        return entry;
    }

    private void publish() {
        queued++;
        notifyAll();
    }

    private void work() {
        Entry entry = next();
        while (entry.kind != Kind.END) {
            perform(entry);
            finish(entry);
            entry = next();
        }
        finish(entry);
    }

    private synchronized Entry next() {
        while (queued == done) {
            try {
                wait();
            } catch (InterruptedException e) {
                throw new IllegalStateException("nobody but close() ends a stream", e);
            }
        }
        return ring[(int) (done % ENTRIES)];
    }

    private synchronized void finish(Entry entry) {
        entry.source = null;
        entry.target = null;
        entry.work = null;
        entry.event = null;
        done++;
        notifyAll();
    }

    /** The one place of this thread that catches everything. */
    private void perform(Entry entry) {
        try {
            switch (entry.kind) {
                case COPY -> copy(entry.source, entry.target);
                case RUN -> {
                    if (failed() == null) {
                        entry.work.run();
                    }
                }
                case RECORD -> entry.event.happen(entry.ticket, System.nanoTime(), failed());
                case AWAIT -> fail(entry.event.awaitTicket(entry.ticket));
                case END -> throw new IllegalStateException("the end is not performed");
            }
        } catch (RuntimeException | Error e) {
            fail(e);
        }
    }

    private void copy(MemorySegment source, MemorySegment target) {
        if (failed() != null) {
            return;
        }
        long begin = System.nanoTime();
        Copies.copy(source, target);
        if (bytesPerSecond > 0) {
            if (begin - engineFreeNs > BACK_TO_BACK_NS) {
                engineFreeNs = begin;
            }
            engineFreeNs += (long) (source.byteSize() * (1e9 / bytesPerSecond));
            long left = engineFreeNs - System.nanoTime();
            while (left > 0) {
                LockSupport.parkNanos(left);
                left = engineFreeNs - System.nanoTime();
            }
        }
    }

    private synchronized Throwable failed() {
        return failure;
    }

    private synchronized void fail(Throwable e) {
        if (failure == null) {
            failure = e;
        } else if (e != null && !e.equals(failure)) {
            failure.addSuppressed(e);
        }
    }
}
