package io.millrace.memory.cuda;

import java.util.SplittableRandom;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.LockSupport;

/** A stream of a {@link HostCuda}: a queue and the thread that works it off in order. */
final class HostCudaStream {
    /** Work on a stream. */
    interface Work {
        void run() throws Throwable;
    }

    private record Entry(HostCall call, Work work) {}

    private static final Entry END = new Entry(null, () -> {});

    private final HostCuda owner;
    private final LinkedBlockingQueue<Entry> queue = new LinkedBlockingQueue<>();
    private final SplittableRandom random;
    private final long longestDelayNs;
    private long queued;
    private long done;

    HostCudaStream(HostCuda owner, long handle, long seed, long longestDelayNs) {
        this.owner = owner;
        this.random = new SplittableRandom(seed);
        this.longestDelayNs = longestDelayNs;
        Thread.ofPlatform().daemon().name("host-cuda-" + handle).start(this::work);
    }

    synchronized void enqueue(HostCall call, Work work) {
        queued++;
        queue.add(new Entry(call, work));
    }

    synchronized void awaitEmpty() {
        long target = queued;
        while (done < target) {
            try {
                wait();
            } catch (InterruptedException e) {
                throw new IllegalStateException("interrupted within a driver call", e);
            }
        }
    }

    synchronized boolean isIdle() {
        return queued == done;
    }

    /** Ends the thread after what was queued. */
    synchronized void end() {
        queue.add(END);
    }

    private void work() {
        try {
            for (Entry entry = queue.take(); !entry.equals(END); entry = queue.take()) {
                perform(entry);
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts a stream", e);
        }
    }

    private void perform(Entry entry) {
        if (longestDelayNs > 0 && random.nextInt(3) == 0) {
            LockSupport.parkNanos(random.nextLong(longestDelayNs));
        }
        entry.call.began(System.nanoTime());
        try {
            if (owner.fault() == null) {
                entry.work.run();
            }
        } catch (Throwable fault) {
            owner.fail(entry.call, fault);
        }
        entry.call.ended(System.nanoTime());
        synchronized (this) {
            done++;
            notifyAll();
        }
    }
}
