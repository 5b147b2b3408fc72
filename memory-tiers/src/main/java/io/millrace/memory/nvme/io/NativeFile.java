package io.millrace.memory.nvme.io;

import java.nio.file.Path;

/** A file descriptor, its engine, and the count of what is in flight on it. */
final class NativeFile implements IoFile {
    private final IoEngine engine;
    private final Path path;
    private final int fd;
    private final long sizeBytes;
    private final boolean direct;
    private int inFlight;
    private boolean closed;

    NativeFile(IoEngine engine, Path path, int fd, long sizeBytes, boolean direct) {
        this.engine = engine;
        this.path = path;
        this.fd = fd;
        this.sizeBytes = sizeBytes;
        this.direct = direct;
    }

    @Override
    public Path path() {
        return path;
    }

    @Override
    public long sizeBytes() {
        return sizeBytes;
    }

    @Override
    public int alignment() {
        return direct ? IoOptions.DIRECT_ALIGNMENT : 1;
    }

    @Override
    public void submit(IoRequest request) {
        if (direct && ((request.position() | request.length() | request.address()) & 4095) != 0) {
            throw new IllegalArgumentException(
                    request.describe(path) + " is not aligned to 4096 as O_DIRECT asks");
        }
        synchronized (this) {
            if (closed) {
                throw new IllegalStateException(path + " is closed");
            }
            inFlight++;
        }
        request.file = this;
        try {
            engine.submit(request);
        } catch (RuntimeException | Error e) {
            countDown();
            throw e;
        }
    }

    int fd() {
        return fd;
    }

    /** Ends a request of this file. */
    void finish(IoRequest request, int result) {
        // Counted down first: a completion may submit again, and it may be the last word.
        countDown();
        request.complete(result);
    }

    private synchronized void countDown() {
        if (--inFlight == 0) {
            notifyAll();
        }
    }

    @Override
    public void close() {
        boolean interrupted = false;
        synchronized (this) {
            if (closed) {
                return;
            }
            closed = true;
            while (inFlight > 0) {
                try {
                    wait();
                } catch (InterruptedException e) {
                    interrupted = true; // the kernel still writes into someone's memory
                }
            }
        }
        PosixFiles.close(fd, path);
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
