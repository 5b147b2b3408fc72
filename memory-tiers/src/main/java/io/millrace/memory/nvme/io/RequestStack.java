package io.millrace.memory.nvme.io;

import java.util.concurrent.atomic.AtomicReference;

/**
 * Requests on their way to the ring's thread: any thread pushes one, and whoever finds the stack
 * empty sees to it that all are taken. Links lie in the requests, so nothing is allocated.
 */
final class RequestStack {
    private final AtomicReference<IoRequest> top = new AtomicReference<>();

    /**
     * Adds a request, with all that was written to it before.
     *
     * @return whether there was none, so that nobody has been told of this one
     */
    boolean push(IoRequest request) {
        IoRequest below;
        do {
            below = top.get();
            request.next = below;
        } while (!top.compareAndSet(below, request));
        return below == null;
    }

    /** Takes all: the oldest, which links to the next; null where there is none. */
    IoRequest takeAll() {
        IoRequest newest = top.getAndSet(null);
        IoRequest oldest = null;
        while (newest != null) {
            IoRequest below = newest.next;
            newest.next = oldest;
            oldest = newest;
            newest = below;
        }
        return oldest;
    }
}
