package io.millrace.memory.nvme.io;

import io.millrace.memory.Errno;
import java.lang.System.Logger.Level;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** pread and pwrite on a few threads: what always works. */
final class PreadEngine implements IoEngine {
    private static final System.Logger LOG = System.getLogger(PreadEngine.class.getName());

    private final Thread[] workers;
    private IoRequest head;
    private IoRequest tail;
    private boolean closed;

    PreadEngine(int threadCount) {
        workers = new Thread[threadCount];
        for (int i = 0; i < threadCount; i++) {
            workers[i] = Thread.ofPlatform().daemon().name("millrace-pread-" + i).start(this::work);
        }
    }

    @Override
    public String name() {
        return "pread/pwrite";
    }

    @Override
    public synchronized void submit(IoRequest request) {
        if (closed) {
            throw new IllegalStateException("the I/O threads have ended");
        }
        request.next = null;
        if (tail == null) {
            head = request;
        } else {
            tail.next = request;
        }
        tail = request;
        notify(); // one request, one worker
    }

    private synchronized IoRequest take() throws InterruptedException {
        while (head == null && !closed) {
            wait();
        }
        IoRequest request = head;
        if (request != null) {
            head = request.next;
            if (head == null) {
                tail = null;
            }
        }
        return request;
    }

    private void work() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment state = arena.allocate(PosixFiles.CALL_STATE);
            for (IoRequest request = take(); request != null; request = take()) {
                end(request, perform(state, request));
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody but close() ends an I/O thread", e);
        }
    }

    /** The one place of this thread that catches everything: a worker outlives its submitters. */
    private static void end(IoRequest request, int result) {
        try {
            request.file.finish(request, result);
        } catch (RuntimeException | Error e) {
            LOG.log(Level.ERROR, "a completion failed", e);
        }
    }

    private static int perform(MemorySegment state, IoRequest request) {
        int fd = request.file.fd();
        long address = request.address();
        int result;
        do {
            result =
                    switch (request.op()) {
                        case READ ->
                                PosixFiles.read(
                                        state, fd, address, request.length(), request.position());
                        case WRITE ->
                                PosixFiles.write(
                                        state, fd, address, request.length(), request.position());
                        case SYNC -> PosixFiles.sync(state, fd);
                    };
        } while (result == -Errno.EINTR.code());
        return result;
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        boolean interrupted = false;
        for (Thread worker : workers) {
            while (worker.isAlive()) {
                try {
                    worker.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
