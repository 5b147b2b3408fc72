package io.millrace.memory.nvme.io;

/** One request that its submitter waits for: syncs, manifest pages, probes. */
public final class BlockingRequest implements IoRequest.Completion {
    private final IoRequest request = new IoRequest(this);
    private boolean done;

    /** The request, to be prepared. */
    IoRequest request() {
        return request;
    }

    void submit(IoFile file) {
        synchronized (this) {
            done = false;
        }
        file.submit(request);
    }

    /** Syncs a file; an exception where the drive refuses. */
    public void sync(IoFile file) {
        request.prepareSync();
        submit(file);
        if (awaitResult() < 0) {
            throw IoFailure.of(request, file.path());
        }
    }

    @Override
    public synchronized void completed(IoRequest ended) {
        done = true;
        notifyAll();
    }

    /** Waits for the end, whatever interrupts come; the result. */
    synchronized int awaitResult() {
        boolean interrupted = false;
        while (!done) {
            try {
                wait();
            } catch (InterruptedException e) {
                interrupted = true; // the kernel still uses the memory
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return request.result();
    }
}
